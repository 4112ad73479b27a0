; What C++ adds to c.scm. Conventions of the capture names: see indexer/matched.py.

; -- namespaces

(namespace_definition
  name: [
    (namespace_identifier) @name
    (nested_namespace_specifier (namespace_identifier) @name .)
    (nested_namespace_specifier (namespace_identifier) @owner . (namespace_identifier) @name .)]
  body: (_) @body) @definition.namespace
(namespace_alias_definition
  name: (namespace_identifier) @name @binding.alias
  [(namespace_identifier) (nested_namespace_specifier)] @type) @definition.variable

; -- types

(class_specifier
  name: [
    (type_identifier) @name
    (template_type name: (type_identifier) @name)
    (qualified_identifier scope: (_) @owner name: [
      (type_identifier) @name
      (template_type name: (type_identifier) @name)
      (qualified_identifier scope: (_) @owner name: (type_identifier) @name)])]
  body: (_) @body) @definition.class
(struct_specifier
  name: [
    (template_type name: (type_identifier) @name)
    (qualified_identifier scope: (_) @owner name: [
      (type_identifier) @name
      (template_type name: (type_identifier) @name)
      (qualified_identifier scope: (_) @owner name: (type_identifier) @name)])]
  body: (_) @body) @definition.class
(enum_specifier
  ["class" "struct"]
  body: (enumerator_list (enumerator name: (identifier) @name) @definition.variable))
(concept_definition name: (identifier) @name) @definition.class
(alias_declaration
  name: (type_identifier) @name @binding.alias
  type: (type_descriptor type: (_) @type)) @definition.variable

(class_specifier (base_class_clause [
  (type_identifier) @base @reference.inherit
  (qualified_identifier) @base @reference.inherit
  (template_type name: (type_identifier) @base @reference.inherit)])) @heir
(struct_specifier (base_class_clause [
  (type_identifier) @base @reference.inherit
  (qualified_identifier) @base @reference.inherit
  (template_type name: (type_identifier) @base @reference.inherit)])) @heir

(template_declaration [
  (function_definition) @decorated
  (declaration) @decorated
  (class_specifier) @decorated
  (struct_specifier) @decorated
  (alias_declaration) @decorated
  (concept_definition) @decorated]) @decoration

; -- functions and methods

; in a class, operators, specialisations; C has the rest
(function_definition
  type: (_)? @returns
  declarator: [
    (function_declarator declarator: [
      (field_identifier) @name (operator_name) @name (destructor_name) @name
      (template_function name: (identifier) @name)])
    (pointer_declarator declarator: [
      (function_declarator declarator: [(field_identifier) (operator_name)] @name)
      (pointer_declarator declarator: (function_declarator declarator: (field_identifier) @name))])
    (reference_declarator (function_declarator declarator: [
      (identifier) @name (field_identifier) @name (operator_name) @name
      (template_function name: (identifier) @name)]))]
  body: (_)? @body) @definition.function
(function_definition
  declarator: (function_declarator declarator: (identifier) @name)
  [(default_method_clause) (delete_method_clause)]) @definition.function

; outside of their class: `void ns::Type<T>::method() {}`
(function_definition
  type: (_)? @returns
  declarator: (function_declarator declarator: (qualified_identifier scope: (_)? @owner name: [
      (identifier) @name (operator_name) @name (destructor_name) @name
      (template_function name: (identifier) @name)
      (qualified_identifier scope: (_) @owner name: [
        (identifier) @name (operator_name) @name (destructor_name) @name
        (template_function name: (identifier) @name)
        (qualified_identifier scope: (_) @owner name: [(identifier) (operator_name) (destructor_name)] @name)])]))
  body: (_)? @body) @definition.function
(function_definition
  type: (_)? @returns
  declarator: (_ (function_declarator declarator: (qualified_identifier scope: (_)? @owner name: [
      (identifier) @name (operator_name) @name (destructor_name) @name
      (template_function name: (identifier) @name)
      (qualified_identifier scope: (_) @owner name: [
        (identifier) @name (operator_name) @name (destructor_name) @name
        (template_function name: (identifier) @name)
        (qualified_identifier scope: (_) @owner name: [(identifier) (operator_name) (destructor_name)] @name)])])))
  body: (_)? @body) @definition.function

; declared in a class
(field_declaration
  type: (_)? @returns
  declarator: [
    (function_declarator declarator: [(field_identifier) (operator_name)] @name)
    (pointer_declarator declarator: [
      (function_declarator declarator: [(field_identifier) (operator_name)] @name)
      (pointer_declarator declarator: (function_declarator declarator: (field_identifier) @name))])
    (reference_declarator (function_declarator declarator: [(field_identifier) (operator_name)] @name))])
  @definition.function
(field_declaration_list
  (declaration declarator: (function_declarator declarator: [(identifier) (destructor_name)] @name)) @definition.function)
(field_declaration_list (template_declaration
  (declaration
    type: (_)? @returns
    declarator: [
      (function_declarator declarator: [(identifier) (operator_name)] @name)
      (_ (function_declarator declarator: [(identifier) (operator_name)] @name))]) @definition.function))

; prototypes that return references, of operators and of templates
(translation_unit (declaration
  type: (_)? @returns
  declarator: [
    (function_declarator declarator: (operator_name) @name)
    (reference_declarator (function_declarator declarator: [(identifier) (operator_name)] @name))]) @definition.function)
(declaration_list (declaration
  type: (_)? @returns
  declarator: [
    (function_declarator declarator: (operator_name) @name)
    (reference_declarator (function_declarator declarator: [(identifier) (operator_name)] @name))]) @definition.function)
(declaration_list (template_declaration (declaration
  type: (_)? @returns
  declarator: [
    (function_declarator declarator: [(identifier) (operator_name)] @name)
    (_ (function_declarator declarator: [(identifier) (operator_name)] @name))]) @definition.function))
(translation_unit (template_declaration (declaration
  type: (_)? @returns
  declarator: [
    (function_declarator declarator: [(identifier) (operator_name)] @name)
    (_ (function_declarator declarator: [(identifier) (operator_name)] @name))]) @definition.function))

; -- variables

(declaration
  type: (_) @type
  declarator: [
    (reference_declarator (identifier) @name @binding.annotation @reference.local)
    (init_declarator declarator: (reference_declarator (identifier) @name @binding.annotation @reference.local))])
  @definition.variable
(declaration declarator: [
  (qualified_identifier scope: (_) @owner name: [(identifier) @name (qualified_identifier scope: (_) @owner name: (identifier) @name)])
  (_ declarator: (qualified_identifier scope: (_) @owner name: [(identifier) @name (qualified_identifier scope: (_) @owner name: (identifier) @name)]))
  (init_declarator declarator: (_ declarator: (qualified_identifier scope: (_) @owner name: [(identifier) @name (qualified_identifier scope: (_) @owner name: (identifier) @name)])))]) @definition.variable
(field_declaration
  type: (_) @type
  declarator: (reference_declarator (field_identifier) @name @binding.annotation)) @definition.variable
(type_definition
  type: [(type_identifier) (qualified_identifier) (template_type)] @type
  declarator: (reference_declarator (type_identifier) @name @binding.alias)) @definition.variable
(type_definition
  type: [(qualified_identifier) (template_type) (dependent_type)] @type
  declarator: [
    (type_identifier) @name @binding.alias
    (pointer_declarator declarator: (type_identifier) @name @binding.alias)]) @definition.variable

(structured_binding_declarator (identifier) @reference.local)
(for_range_loop
  type: (_) @type
  declarator: [
    (identifier) @binding.annotation @reference.local
    (_ (identifier) @binding.annotation @reference.local)])
(for_range_loop declarator: (_ (structured_binding_declarator (identifier) @reference.local)))
(lambda_capture_initializer left: (identifier) @reference.local)

; a variable with arguments that look like types: `Reader reader(file);`
(compound_statement (declaration
  type: (_) @type
  declarator: (function_declarator declarator: (identifier) @binding.annotation @reference.local)))

(declaration
  type: (placeholder_type_specifier)
  declarator: (init_declarator
    declarator: [(identifier) @binding.call (_ (identifier) @binding.call)]
    value: [
      (new_expression type: (_) @type)
      (call_expression function: (_) @type)
      (compound_literal_expression type: (_) @type)]))

(parameter_declaration
  type: (_) @type
  declarator: (reference_declarator (identifier) @binding.parameter @reference.parameter))
(optional_parameter_declaration
  type: (_) @type
  declarator: [
    (identifier) @binding.parameter @reference.parameter
    (_ (identifier) @binding.parameter @reference.parameter)])
(variadic_parameter_declaration
  type: (_) @type
  declarator: (_ (identifier) @reference.parameter))
(type_parameter_declaration (type_identifier) @reference.parameter)

; types that C has not
(declaration
  type: [(qualified_identifier) (template_type)] @type
  declarator: [
    (identifier) @binding.annotation
    (pointer_declarator declarator: (identifier) @binding.annotation)
    (init_declarator declarator: [
      (identifier) @binding.annotation
      (pointer_declarator declarator: (identifier) @binding.annotation)])])
(field_declaration
  type: [(qualified_identifier) (template_type)] @type
  declarator: [
    (field_identifier) @binding.annotation
    (pointer_declarator declarator: (field_identifier) @binding.annotation)])
(parameter_declaration
  type: [(qualified_identifier) (template_type)] @type
  declarator: [
    (identifier) @binding.parameter
    (pointer_declarator declarator: (identifier) @binding.parameter)])
(function_definition
  type: [(qualified_identifier) (template_type)] @returns
  declarator: [
    (function_declarator declarator: (identifier) @name)
    (pointer_declarator declarator: (function_declarator declarator: (identifier) @name))]) @definition.function

; -- using

((using_declaration "namespace" [(identifier) (qualified_identifier)] @import.module)
  (#set! import.name "*")
  (#set! import.instead "1"))
(using_declaration . "using" . (qualified_identifier) @import.path)
(using_declaration) @reference.none
(namespace_alias_definition) @reference.none

; -- uses without parentheses, and what holds none

(new_expression type: [(type_identifier) (qualified_identifier)] @reference.call)
(new_expression type: (template_type name: (type_identifier) @reference.call))
(field_initializer (field_identifier) @reference.none)
(raw_string_literal) @reference.none
(friend_declaration (declaration) @reference.none)
