; What TypeScript adds, and what its grammar names otherwise: ecmascript.scm comes first.

; -- definitions

(class_declaration name: (_) @name body: (_) @body) @definition.class
(abstract_class_declaration name: (_) @name body: (_) @body) @definition.class
(interface_declaration name: (_) @name body: (_) @body @reference.annotation) @definition.class
(type_alias_declaration name: (_) @name value: (_) @body @reference.annotation) @definition.class
(enum_declaration name: (_) @name body: (_) @body) @definition.class
(internal_module name: [(identifier) (nested_identifier)] @name body: (_) @body)
  @definition.namespace
(module name: [(identifier) (nested_identifier)] @name body: (_) @body) @definition.namespace

(function_signature name: (identifier) @name) @definition.function
(class_body [
  (abstract_method_signature name: [(property_identifier) (private_property_identifier)] @name)
  (method_signature name: [(property_identifier) (private_property_identifier)] @name)]
  @definition.function)
(interface_body (method_signature name: (property_identifier) @name) @definition.function)
(type_alias_declaration value: [
  (object_type (method_signature name: (property_identifier) @name) @definition.function)
  (intersection_type (object_type (method_signature name: (property_identifier) @name) @definition.function))])

(public_field_definition name: [(property_identifier) (private_property_identifier)] @name)
  @definition.variable
(public_field_definition
  name: [(property_identifier) (private_property_identifier)] @name
  value: [
    (arrow_function body: (_) @body)
    (function_expression body: (_) @body)]) @definition.function
(interface_body (property_signature name: (property_identifier) @name) @definition.variable)
; `run: (x: A) => B` is a method however it is written
(interface_body (property_signature name: (property_identifier) @name type: (type_annotation
  (function_type return_type: (_) @returns))) @definition.function)
(type_alias_declaration value: [
  (object_type (property_signature name: (property_identifier) @name) @definition.variable)
  (intersection_type (object_type (property_signature name: (property_identifier) @name) @definition.variable))])
(enum_body name: (property_identifier) @name @definition.variable)
(enum_body (enum_assignment name: (property_identifier) @name) @definition.variable)

; a parameter of the constructor that is a field as well
(required_parameter [(accessibility_modifier) "readonly"] pattern: (identifier) @name) @definition.member
((required_parameter
  [(accessibility_modifier) "readonly"]
  pattern: (identifier) @binding.annotation
  type: (type_annotation (_) @type))
  (#set! binding.prefix "this."))

; what namespaces and declarations of foreign modules hold
(internal_module body: (statement_block
  (lexical_declaration (variable_declarator name: (identifier) @name) @definition.variable)))
(ambient_declaration [
  (lexical_declaration (variable_declarator name: (identifier) @name) @definition.variable)
  (variable_declaration (variable_declarator name: (identifier) @name) @definition.variable)])
(ambient_declaration (_) @decorated) @decoration

(class_declaration (class_heritage (extends_clause
  value: [(identifier) (member_expression)] @base @reference.inherit))) @heir
(abstract_class_declaration (class_heritage (extends_clause
  value: [(identifier) (member_expression)] @base @reference.inherit))) @heir
(variable_declarator value: (class (class_heritage (extends_clause
  value: [(identifier) (member_expression)] @base @reference.inherit)))) @heir
(export_statement value: (class (class_heritage (extends_clause
  value: [(identifier) (member_expression)] @base @reference.inherit)))) @heir
(class_declaration (class_heritage (implements_clause
  [(type_identifier) (nested_type_identifier) (generic_type)] @base @reference.inherit))) @heir
(abstract_class_declaration (class_heritage (implements_clause
  [(type_identifier) (nested_type_identifier) (generic_type)] @base @reference.inherit))) @heir
(interface_declaration (extends_type_clause
  type: [(type_identifier) (nested_type_identifier) (generic_type)] @base @reference.inherit)) @heir

; -- imports

(import_statement (import_require_clause (identifier) @import.alias source: (string) @import.module))
(import_alias . (identifier) @binding.alias . (_) @type) @reference.none

; -- what tells the type of a name

(required_parameter
  pattern: [(identifier) @binding.parameter @reference.local (rest_pattern (identifier) @binding.parameter)]
  type: (type_annotation (_) @type))
(optional_parameter pattern: (identifier) @binding.parameter @reference.local type: (type_annotation (_) @type))
(required_parameter !type pattern: (identifier) @reference.local)
(optional_parameter !type pattern: (identifier) @reference.local)

(variable_declarator name: (identifier) @binding.annotation type: (type_annotation (_) @type))
(variable_declarator name: (identifier) @binding.annotation value: (as_expression (_) . (_) @type))
(public_field_definition name: (_) @binding.annotation type: (type_annotation (_) @type))
(public_field_definition name: (_) @binding.call value: [
  (new_expression constructor: (_) @type)
  (call_expression function: (_) @type)])
(property_signature name: (property_identifier) @binding.annotation @reference.none type: (type_annotation (_) @type))
(property_signature !type name: (property_identifier) @reference.none)

((export_statement "=" (identifier) @type) @binding.alias (#set! binding.name "exports"))

; what functions return; of a definition that ecmascript.scm tells as well
(function_declaration name: (_) @name return_type: (type_annotation (_) @returns)) @definition.function
(function_signature name: (_) @name return_type: (type_annotation (_) @returns)) @definition.function
(class_body [
  (method_definition
    name: [(property_identifier) (private_property_identifier)] @name
    return_type: (type_annotation (_) @returns))
  (abstract_method_signature name: (property_identifier) @name return_type: (type_annotation (_) @returns))
  (method_signature name: (property_identifier) @name return_type: (type_annotation (_) @returns))]
  @definition.function)
(interface_body (method_signature
  name: (property_identifier) @name
  return_type: (type_annotation (_) @returns)) @definition.function)
(variable_declarator
  name: (identifier) @name
  value: (arrow_function return_type: (type_annotation (_) @returns))) @definition.function
(public_field_definition
  name: [(property_identifier) (private_property_identifier)] @name
  value: (arrow_function return_type: (type_annotation (_) @returns))) @definition.function

; -- names that are types, or no uses

(type_annotation) @reference.annotation
(type_arguments) @reference.annotation
(type_parameters) @reference.annotation
(as_expression (_) . (_) @reference.annotation)
(satisfies_expression (_) . (_) @reference.annotation)

(type_parameter name: (type_identifier) @reference.local)
(index_signature name: (_) @reference.none)
(predefined_type) @reference.none

; -- calls whose name no parenthesis follows

(call_expression function: [(identifier) (member_expression)] @reference.call type_arguments: (_))
(enum_declaration name: (_) @reference.none)

; type parameters are bound all over what has them
(interface_declaration type_parameters: (_)) @reference.block
(class_declaration type_parameters: (_)) @reference.block
(abstract_class_declaration type_parameters: (_)) @reference.block
(type_alias_declaration type_parameters: (_)) @reference.block

; what functions in fields return
((public_field_definition value: [
  (arrow_function body: (new_expression constructor: (_) @type) @binding.call)
  (arrow_function body: (statement_block (return_statement [
    (new_expression constructor: (_) @type)
    (this) @type]) @binding.call))]) (#set! binding.name "return"))
