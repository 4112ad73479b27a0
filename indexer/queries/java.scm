; What the indexer reads from Java. Conventions of the capture names: see indexer/matched.py.

(package_declaration [(scoped_identifier) (identifier)] @package.name)

; -- definitions

[
  (class_declaration name: (identifier) @name body: (_) @body)
  (interface_declaration name: (identifier) @name body: (_) @body)
  (enum_declaration name: (identifier) @name body: (_) @body)
  (record_declaration name: (identifier) @name body: (_) @body)
  (annotation_type_declaration name: (identifier) @name body: (_) @body)
] @definition.class

; An anonymous class is called "new": no name of the language, so nothing else is called so.
(object_creation_expression "new" @name (class_body) @body) @definition.class

(method_declaration
  type: (_) @returns @reference.annotation name: (identifier) @name body: (_)? @body)
  @definition.function
[
  (constructor_declaration name: (identifier) @name body: (_) @body)
  (compact_constructor_declaration name: (identifier) @name body: (_) @body)
] @definition.function
(annotation_type_element_declaration
  type: (_) @returns @reference.annotation name: (identifier) @name) @definition.function

[
  (field_declaration declarator: (variable_declarator name: (identifier) @name))
  (constant_declaration declarator: (variable_declarator name: (identifier) @name))
  (enum_constant name: (identifier) @name)
] @definition.variable
(record_declaration
  parameters: (formal_parameters (formal_parameter name: (identifier) @name) @definition.variable))

[
  (class_declaration (modifiers [(marker_annotation) (annotation)] @decorator))
  (interface_declaration (modifiers [(marker_annotation) (annotation)] @decorator))
  (enum_declaration (modifiers [(marker_annotation) (annotation)] @decorator))
  (record_declaration (modifiers [(marker_annotation) (annotation)] @decorator))
  (annotation_type_declaration (modifiers [(marker_annotation) (annotation)] @decorator))
  (method_declaration (modifiers [(marker_annotation) (annotation)] @decorator))
  (constructor_declaration (modifiers [(marker_annotation) (annotation)] @decorator))
]

[
  (class_declaration superclass: (superclass (_) @base @reference.inherit))
  (class_declaration interfaces: (super_interfaces (type_list (_) @base @reference.inherit)))
  (interface_declaration (extends_interfaces (type_list (_) @base @reference.inherit)))
  (enum_declaration interfaces: (super_interfaces (type_list (_) @base @reference.inherit)))
  (record_declaration interfaces: (super_interfaces (type_list (_) @base @reference.inherit)))
  (object_creation_expression type: (_) @base @reference.call (class_body))
] @heir

; -- imports

(import_declaration [(scoped_identifier) (identifier)] @import.path .) @reference.none
(import_declaration [(scoped_identifier) (identifier)] @import.module (asterisk) @import.name)
  @reference.none

; -- what tells the type of a name

(formal_parameter
  type: [(type_identifier) (scoped_type_identifier) (generic_type) (array_type)] @type @reference.annotation
  name: (identifier) @binding.parameter @reference.parameter)
(formal_parameter
  type: [(integral_type) (floating_point_type) (boolean_type)] name: (identifier) @reference.parameter)
(spread_parameter
  [(type_identifier) (scoped_type_identifier) (generic_type) (array_type)] @type @reference.annotation
  (variable_declarator name: (identifier) @binding.parameter @reference.parameter))
(field_declaration
  type: [(type_identifier) (scoped_type_identifier) (generic_type) (array_type)] @type @reference.annotation
  declarator: (variable_declarator name: (identifier) @binding.annotation))
(constant_declaration
  type: [(type_identifier) (scoped_type_identifier) (generic_type) (array_type)] @type @reference.annotation
  declarator: (variable_declarator name: (identifier) @binding.annotation))
(local_variable_declaration
  type: [(type_identifier) (scoped_type_identifier) (generic_type) (array_type)] @type @reference.annotation
  declarator: (variable_declarator name: (identifier) @binding.annotation @reference.local))
(local_variable_declaration
  type: [(integral_type) (floating_point_type) (boolean_type)]
  declarator: (variable_declarator name: (identifier) @reference.local))
(enhanced_for_statement
  type: (_) @type @reference.annotation name: (identifier) @binding.annotation @reference.local)
(resource type: (_) @type @reference.annotation name: (identifier) @binding.annotation @reference.local)
(catch_formal_parameter
  (catch_type . (_) @type @reference.annotation) name: (identifier) @binding.annotation @reference.local)
(instanceof_expression
  right: (_) @type @reference.annotation name: (identifier) @binding.annotation @reference.local)
(type_pattern . (_) @type @reference.annotation . (identifier) @binding.annotation @reference.local)
(record_pattern_component
  . (_) @type @reference.annotation . (identifier) @binding.annotation @reference.local)

; `var x = …`: where a type is declared too, the declared one comes first and counts.
(local_variable_declaration
  type: (type_identifier)
  declarator: (variable_declarator
    name: (identifier) @binding.call value: (object_creation_expression type: (_) @type)))
(local_variable_declaration
  type: (type_identifier)
  declarator: (variable_declarator
    name: (identifier) @binding.call
    value: (method_invocation object: (_) @type name: (identifier) @type.end)))
(local_variable_declaration
  type: (type_identifier)
  declarator: (variable_declarator
    name: (identifier) @binding.call value: (method_invocation !object name: (identifier) @type)))
(local_variable_declaration
  type: (type_identifier)
  declarator: (variable_declarator
    name: (identifier) @binding.alias value: [(identifier) (field_access)] @type))
(resource
  name: (identifier) @binding.call value: (object_creation_expression type: (_) @type))
(resource
  name: (identifier) @binding.call
  value: (method_invocation object: (_) @type name: (identifier) @type.end))

; -- uses of names

(object_creation_expression type: (generic_type) @reference.call)
(marker_annotation name: (_) @reference.call)

; what is no use
[
  (line_comment)
  (block_comment)
  (string_literal)
  (character_literal)
  (package_declaration)
  (module_declaration)
] @reference.none
(element_value_pair key: (identifier) @reference.none)
(labeled_statement . (identifier) @reference.none)
(break_statement (identifier) @reference.none)
(continue_statement (identifier) @reference.none)
(type_parameter . (type_identifier) @reference.none)
(record_declaration "record" @reference.none)
(permits "permits" @reference.none)
(modifiers ["sealed" "non-sealed"] @reference.none)

; names that a function binds for itself, without a type
(lambda_expression parameters: (identifier) @reference.local)
(inferred_parameters (identifier) @reference.local)
