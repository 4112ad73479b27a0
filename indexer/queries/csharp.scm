; What the indexer reads from C#. Conventions of the capture names: see indexer/matched.py.

(file_scoped_namespace_declaration name: (_) @package.name @reference.none)

; -- definitions

(namespace_declaration name: (_) @name body: (_) @body) @definition.namespace

[
  (class_declaration name: (identifier) @name body: (_)? @body)
  (interface_declaration name: (identifier) @name body: (_)? @body)
  (struct_declaration name: (identifier) @name body: (_)? @body)
  (record_declaration name: (identifier) @name body: (_)? @body)
  (enum_declaration name: (identifier) @name body: (_)? @body)
  (delegate_declaration name: (identifier) @name)
] @definition.class

(method_declaration
  returns: (_) @returns @reference.annotation name: (identifier) @name body: (_)? @body)
  @definition.function
(local_function_statement
  type: (_) @returns @reference.annotation name: (identifier) @name body: (_)? @body)
  @definition.function
(constructor_declaration name: (identifier) @name body: (_)? @body) @definition.function
; A property with code is a method that is called without parentheses.
(property_declaration
  type: (_) @returns @reference.annotation name: (identifier) @name value: (arrow_expression_clause) @body)
  @definition.function
(property_declaration
  type: (_) @returns name: (identifier) @name accessors: (accessor_list (accessor_declaration body: (_))) @body)
  @definition.function

[
  (field_declaration (variable_declaration (variable_declarator name: (identifier) @name)))
  (event_field_declaration (variable_declaration (variable_declarator name: (identifier) @name)))
  (event_declaration name: (identifier) @name)
  (property_declaration name: (identifier) @name)
  (enum_member_declaration name: (identifier) @name)
] @definition.variable
(record_declaration (parameter_list (parameter name: (identifier) @name) @definition.variable))

[
  (class_declaration (attribute_list) @decorator)
  (interface_declaration (attribute_list) @decorator)
  (struct_declaration (attribute_list) @decorator)
  (record_declaration (attribute_list) @decorator)
  (enum_declaration (attribute_list) @decorator)
  (delegate_declaration (attribute_list) @decorator)
  (method_declaration (attribute_list) @decorator)
  (constructor_declaration (attribute_list) @decorator)
  (property_declaration (attribute_list) @decorator)
]

[
  (class_declaration
    (base_list [(identifier) (qualified_name) (generic_name) (alias_qualified_name)] @base @reference.inherit))
  (interface_declaration
    (base_list [(identifier) (qualified_name) (generic_name) (alias_qualified_name)] @base @reference.inherit))
  (struct_declaration
    (base_list [(identifier) (qualified_name) (generic_name) (alias_qualified_name)] @base @reference.inherit))
  (record_declaration
    (base_list [(identifier) (qualified_name) (generic_name) (alias_qualified_name)] @base @reference.inherit))
] @heir

; -- imports; level 1: for every file of the project

(using_directive) @reference.none
((using_directive !name [(identifier) (qualified_name)] @import.module)
  (#set! import.name "*"))
((using_directive "global" !name [(identifier) (qualified_name)] @import.module)
  (#set! import.name "*") (#set! import.level "1") (#set! import.instead "1"))
(using_directive
  name: (identifier) @import.alias [(identifier) (qualified_name name: (identifier))] @import.path .)
((using_directive
  "global" name: (identifier) @import.alias [(identifier) (qualified_name name: (identifier))] @import.path .)
  (#set! import.level "1") (#set! import.instead "1"))

; -- what tells the type of a name

(parameter
  type: [(identifier) (qualified_name) (generic_name) (nullable_type) (array_type)] @type @reference.annotation
  name: (identifier) @binding.parameter @reference.parameter)
(parameter name: (identifier) @reference.parameter)
(parameter_list
  type: (array_type) @type @reference.annotation name: (identifier) @binding.parameter @reference.parameter)
(variable_declaration
  type: [(identifier) (qualified_name) (generic_name) (nullable_type) (array_type)] @type @reference.annotation
  (variable_declarator name: (identifier) @binding.annotation @reference.local))
(variable_declaration
  type: [(predefined_type) (implicit_type)] (variable_declarator name: (identifier) @reference.local))
(property_declaration type: (_) @type @reference.annotation name: (identifier) @binding.annotation)
(event_declaration type: (_) @type @reference.annotation name: (identifier) @binding.annotation)
(foreach_statement
  type: [(identifier) (qualified_name) (generic_name) (nullable_type)] @type @reference.annotation
  left: (identifier) @binding.annotation @reference.local)
(foreach_statement type: (implicit_type) left: (identifier) @reference.local)
(catch_declaration
  type: (_) @type @reference.annotation name: (identifier) @binding.annotation @reference.local)
(declaration_pattern
  type: (_) @type @reference.annotation name: (identifier) @binding.annotation @reference.local)
(recursive_pattern
  type: (_) @type @reference.annotation name: (identifier) @binding.annotation @reference.local)
(recursive_pattern !type name: (identifier) @reference.local)
(declaration_expression
  type: (_) @type @reference.annotation name: (identifier) @binding.annotation @reference.local)

(variable_declaration
  type: (implicit_type)
  (variable_declarator
    name: (identifier) @binding.call
    [
      (object_creation_expression type: (_) @type)
      (invocation_expression function: (_) @type)
      (await_expression (invocation_expression function: (_) @type))
    ]))
(variable_declaration
  type: (implicit_type)
  (variable_declarator
    name: (identifier) @binding.alias [(identifier) (member_access_expression)] @type))
(variable_declaration
  type: (implicit_type)
  (variable_declarator
    name: (identifier) @binding.annotation
    [(cast_expression type: (_) @type) (as_expression right: (_) @type)]))

; -- uses of names

(object_creation_expression type: (_) @reference.call)
(attribute name: (_) @reference.call)
(cast_expression type: (_) @reference.annotation)
(type_argument_list) @reference.annotation

; what is no use
[
  (comment)
  (string_literal)
  (verbatim_string_literal)
  (raw_string_literal)
  (string_content)
  (escape_sequence)
  (character_literal)
  (extern_alias_directive)
  (preproc_region)
  (preproc_endregion)
  (preproc_pragma)
  (preproc_nullable)
  (preproc_error)
  (preproc_warning)
  (preproc_line)
  (preproc_define)
  (preproc_undef)
] @reference.none
(preproc_if condition: (_) @reference.none)
(preproc_elif condition: (_) @reference.none)
(argument name: (identifier) @reference.none)
(attribute_argument name: (identifier) @reference.none)
(initializer_expression (assignment_expression left: (identifier) @reference.none))
(property_pattern_clause (subpattern . (identifier) @reference.none . (_)))
(type_parameter name: (identifier) @reference.none)
(type_parameter_constraints_clause . (identifier) @reference.none)
(labeled_statement . (identifier) @reference.none)
(goto_statement (identifier) @reference.none)
(destructor_declaration name: (identifier) @reference.none)
(constructor_initializer "base" @reference.none)
(record_declaration "record" @reference.none)
(accessor_declaration ["add" "remove"] @reference.none)
(global_attribute ["assembly" "module"] @reference.none)

; names that a function binds for itself, without a type
(implicit_parameter) @reference.local
(tuple_pattern name: (identifier) @reference.local)
(parenthesized_variable_designation (identifier) @reference.local)
(from_clause name: (identifier) @reference.local)
