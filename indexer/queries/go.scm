; What the indexer reads from Go. Conventions of the capture names: see indexer/matched.py.

(package_clause (package_identifier) @package.name)

; -- types: a declaration of a single one starts at its keyword, one of a group at its name

((type_declaration
  "type" . [
    (type_spec
      name: (type_identifier) @name
      type: [(struct_type (field_declaration_list) @body) (interface_type "{" @body)]?)
    (type_alias name: (type_identifier) @name)
  ]) @definition.class
  (#not-match? @definition.class "^type\\s*\\("))
(type_declaration
  "(" [
    (type_spec
      name: (type_identifier) @name
      type: [(struct_type (field_declaration_list) @body) (interface_type "{" @body)]?)
    (type_alias name: (type_identifier) @name)
  ] @definition.class)

; what is embedded gives a type its members; an alias has those of its type
(type_declaration
  "type" . (type_spec type: (struct_type (field_declaration_list
    (field_declaration !name type: [(type_identifier) (qualified_type) (generic_type)] @base))))) @heir
(type_declaration
  "type" . (type_spec type: (interface_type
    (type_elem . [(type_identifier) (qualified_type) (generic_type)] @base .)))) @heir
(type_declaration
  "type" . (type_alias type: [(type_identifier) (qualified_type) (generic_type)] @base)) @heir
(type_declaration
  "(" (type_spec type: (struct_type (field_declaration_list
    (field_declaration !name type: [(type_identifier) (qualified_type) (generic_type)] @base)))) @heir)
(type_declaration
  "(" (type_spec type: (interface_type
    (type_elem . [(type_identifier) (qualified_type) (generic_type)] @base .))) @heir)
(type_declaration
  "(" (type_alias type: [(type_identifier) (qualified_type) (generic_type)] @base) @heir)

; -- fields; those of structs without a name are nobody's members

(type_spec type: (struct_type (field_declaration_list
  (field_declaration
    name: (field_identifier) @name @binding.annotation
    type: (_) @type @reference.annotation) @definition.variable)))
(type_spec type: (struct_type (field_declaration_list
  (field_declaration !name type: [
    (type_identifier) @binding.annotation @type @reference.inherit
    (qualified_type name: (type_identifier) @binding.annotation) @type @reference.inherit
    (generic_type type: (type_identifier) @binding.annotation @reference.inherit) @type
  ]))))
(interface_type
  (type_elem . [(type_identifier) (qualified_type) (generic_type)] @reference.inherit .))

; -- functions; of several results the first counts, errors come last

(function_declaration
  name: (identifier) @name
  parameters: (parameter_list) @reference.annotation
  result: [
    (parameter_list . (parameter_declaration type: (_) @returns)) @reference.annotation
    ([
      (type_identifier) (qualified_type) (generic_type) (pointer_type) (slice_type) (array_type) (map_type)
      (channel_type)
    ]) @returns @reference.annotation
  ]?
  body: (block)? @body) @definition.function

(method_declaration
  receiver: (parameter_list (parameter_declaration type: (_) @owner)) @reference.annotation
  name: (field_identifier) @name
  parameters: (parameter_list) @reference.annotation
  result: [
    (parameter_list . (parameter_declaration type: (_) @returns)) @reference.annotation
    ([
      (type_identifier) (qualified_type) (generic_type) (pointer_type) (slice_type) (array_type) (map_type)
      (channel_type)
    ]) @returns @reference.annotation
  ]?
  body: (block)? @body) @definition.function

(method_elem
  name: (field_identifier) @name
  parameters: (parameter_list) @reference.annotation
  result: [
    (parameter_list . (parameter_declaration type: (_) @returns)) @reference.annotation
    ([
      (type_identifier) (qualified_type) (generic_type) (pointer_type) (slice_type) (array_type) (map_type)
      (channel_type)
    ]) @returns @reference.annotation
  ]?) @definition.function

; -- constants and variables; a single one is found twice, the first place counts
; (the names of constants have no field of their own: the commas between them do)

((const_declaration
  "const" . (const_spec (identifier) @name)) @definition.variable
  (#not-match? @definition.variable "^const\\s*\\("))
(const_declaration (const_spec (identifier) @name) @definition.variable)
((var_declaration (var_spec name: (identifier) @name)) @definition.variable
  (#not-eq? @name "_"))
((var_spec_list (var_spec name: (identifier) @name) @definition.variable)
  (#not-eq? @name "_"))

; -- imports

(import_spec !name path: (_) @import.module)
(import_spec name: (package_identifier) @import.alias path: (_) @import.module)
((import_spec name: (dot) path: (_) @import.module) (#set! import.name "*"))
((import_spec name: (blank_identifier) path: (_) @import.module) (#set! import.alias ""))

; -- what tells the type of a name

(parameter_declaration name: (identifier) @binding.parameter @reference.parameter type: (_) @type)
(variadic_parameter_declaration name: (identifier) @binding.parameter @reference.parameter type: (_) @type)
(var_spec name: (identifier) @binding.annotation type: (_) @type @reference.annotation)
(const_spec (identifier) @binding.annotation type: (_) @type @reference.annotation)

(short_var_declaration
  left: (expression_list . (identifier) @binding.call)
  right: (expression_list . [
    (call_expression function: [(identifier) (selector_expression)] @type)
    (call_expression function: (index_expression operand: (_) @type))
    (type_conversion_expression type: (generic_type type: (_) @type))
    (composite_literal type: [(type_identifier) (qualified_type)] @type)
    (composite_literal type: (generic_type type: (_) @type))
    (unary_expression operand: (composite_literal type: [(type_identifier) (qualified_type)] @type))
    (unary_expression operand: (composite_literal type: (generic_type type: (_) @type)))
  ]))
(var_spec
  . name: (identifier) @binding.call
  value: (expression_list . [
    (call_expression function: [(identifier) (selector_expression)] @type)
    (composite_literal type: [(type_identifier) (qualified_type)] @type)
    (unary_expression operand: (composite_literal type: [(type_identifier) (qualified_type)] @type))
  ]))
(short_var_declaration
  left: (expression_list . (identifier) @binding.annotation)
  right: (expression_list . [
    (composite_literal type: [(slice_type) (array_type) (map_type)] @type)
    (type_assertion_expression type: (_) @type)
    (call_expression arguments: (argument_list . [(slice_type) (map_type) (channel_type)] @type))
  ]))
((short_var_declaration
  left: (expression_list . (identifier) @binding.annotation)
  right: (expression_list . (call_expression
    function: (identifier) @_new
    arguments: (argument_list .
      [(identifier) (selector_expression) (type_identifier) (qualified_type)] @type .))))
  (#eq? @_new "new"))
(short_var_declaration
  left: (expression_list . (identifier) @binding.alias)
  right: (expression_list . [
    (identifier) @type
    (selector_expression) @type
    (index_expression operand: [(identifier) (selector_expression)] @type)
    (unary_expression operand: [(identifier) (selector_expression)] @type)
  ]))
(var_spec
  . name: (identifier) @binding.alias !type
  value: (expression_list . [(identifier) (selector_expression)] @type))
; the type of a list is written as that of its elements
(range_clause
  left: (expression_list (identifier) . (identifier) @binding.alias)
  right: [(identifier) (selector_expression)] @type)
(range_clause
  left: (expression_list (identifier) . (identifier) @binding.call)
  right: (call_expression function: [(identifier) (selector_expression)] @type))

; -- uses of names

(composite_literal type: [(type_identifier) (qualified_type)] @reference.call)
(composite_literal type: (generic_type type: (_) @reference.call))
(type_spec type: [(map_type) (slice_type) (pointer_type) (function_type)] @reference.annotation)
(func_literal parameters: (_) @reference.annotation)

[
  (comment)
  (interpreted_string_literal)
  (raw_string_literal)
  (rune_literal)
  (import_declaration)
  (package_clause)
  (label_name)
] @reference.none

; of structs without a name
(struct_type (field_declaration_list (field_declaration name: (field_identifier) @reference.none)))
; the fields of a struct in a literal; the keys of a map are uses
(composite_literal
  type: [(type_identifier) (qualified_type) (generic_type)]
  body: (literal_value (keyed_element key: (literal_element (identifier) @reference.none))))
(literal_element
  (literal_value (keyed_element key: (literal_element (identifier) @reference.none))))

; names that a function binds for itself
(type_parameter_declaration name: (identifier) @reference.local)
(method_declaration receiver: (parameter_list (parameter_declaration type: [
  (generic_type type_arguments: (type_arguments (type_elem (type_identifier) @reference.local)))
  (pointer_type (generic_type type_arguments: (type_arguments (type_elem (type_identifier) @reference.local))))
])))
(short_var_declaration left: (expression_list (identifier) @reference.local))
(range_clause left: (expression_list (identifier) @reference.local))
(receive_statement left: (expression_list (identifier) @reference.local))
(type_switch_statement alias: (expression_list (identifier) @reference.local))
