; What the indexer reads from Rust. Conventions of the capture names: see indexer/matched.py.

; -- definitions

(mod_item name: (identifier) @name body: (declaration_list) @body) @definition.namespace

(struct_item
  name: (type_identifier) @name
  body: [(field_declaration_list) (ordered_field_declaration_list)]? @body) @definition.class
(enum_item name: (type_identifier) @name body: (_) @body) @definition.class
(union_item name: (type_identifier) @name body: (_) @body) @definition.class
(trait_item name: (type_identifier) @name body: (_) @body) @definition.class
(type_item name: (type_identifier) @name type: (_) @reference.annotation) @definition.class
(associated_type name: (type_identifier) @name) @definition.class

(function_item
  name: (identifier) @name
  parameters: (parameters) @reference.annotation
  return_type: (_)? @returns @reference.annotation
  body: (block) @body) @definition.function
(function_signature_item
  name: (identifier) @name
  parameters: (parameters) @reference.annotation
  return_type: (_)? @returns @reference.annotation) @definition.function
(macro_definition name: (identifier) @name) @definition.function

(const_item
  name: (identifier) @name @binding.annotation
  type: (_) @type @reference.annotation) @definition.variable
(static_item
  name: (identifier) @name @binding.annotation
  type: (_) @type @reference.annotation) @definition.variable
(enum_variant name: (identifier) @name) @definition.variable
; the fields of a variant are no members of its enum
(struct_item body: (field_declaration_list (field_declaration
  name: (field_identifier) @name @binding.annotation
  type: (_) @type @reference.annotation) @definition.variable))
(union_item body: (field_declaration_list (field_declaration
  name: (field_identifier) @name @binding.annotation
  type: (_) @type @reference.annotation) @definition.variable))
(enum_variant body: (field_declaration_list (field_declaration
  name: (field_identifier) @reference.none
  type: (_) @reference.annotation)))
(ordered_field_declaration_list type: (_) @reference.annotation)

; -- impl blocks add members to a type

(impl_item type: [
  (type_identifier) @name @reference.annotation
  (scoped_type_identifier) @name @reference.annotation
  (generic_type) @name @reference.annotation
  (reference_type type: (_) @name @reference.annotation)
  (dynamic_type trait: (_) @name @reference.annotation)
  (array_type element: (_) @name @reference.annotation)
  (pointer_type type: (_) @name @reference.annotation)
  (primitive_type) @name
  (tuple_type) @name @reference.annotation
  (unit_type) @name
  (function_type) @name @reference.annotation
]) @definition.extension
(impl_item
  trait: [(type_identifier) (scoped_type_identifier) (generic_type)] @base) @heir
(trait_item bounds: (trait_bounds [
  (type_identifier) @base @reference.inherit
  (scoped_type_identifier) @base @reference.inherit
  (generic_type type: (_) @reference.inherit) @base
])) @heir
; an alias has the members of its type
(type_item type: [(type_identifier) (scoped_type_identifier) (generic_type)] @base) @heir

(attribute_item) @decorator @reference.none

; -- imports

(use_declaration argument: (_) @import.tree)
((mod_item name: (identifier) @import.name !body) (#set! import.module "self"))
((attribute_item (attribute (identifier) @_path value: (string_literal (string_content) @import.module)))
  .
  (mod_item name: (identifier) @import.alias !body)
  (#eq? @_path "path") (#set! import.level "1"))
(extern_crate_declaration name: (identifier) @import.name alias: (identifier)? @import.alias)

; -- what tells the type of a name

(parameter pattern: (identifier) @binding.parameter @reference.parameter type: (_) @type)
(let_declaration pattern: (identifier) @binding.annotation type: (_) @type @reference.annotation)
(let_declaration
  pattern: (identifier) @binding.call
  value: [
    (call_expression function: (_) @type)
    (struct_expression name: (_) @type)
    (try_expression (call_expression function: (_) @type))
    (await_expression (call_expression function: (_) @type))
    (try_expression (await_expression (call_expression function: (_) @type)))
  ])
(let_declaration
  pattern: (identifier) @binding.alias
  value: [
    (identifier) @type
    (field_expression) @type
    (reference_expression value: [(identifier) (field_expression)] @type)
    (reference_expression value: (index_expression . [(identifier) (field_expression)] @type))
    (index_expression . [(identifier) (field_expression)] @type)
  ])
; what Option, Result and lists hold is written as their type
((let_condition
  pattern: (tuple_struct_pattern type: (identifier) @_some . (identifier) @binding.alias)
  value: [
    (identifier) @type
    (field_expression) @type
    (reference_expression value: [(identifier) (field_expression)] @type)
  ])
  (#any-of? @_some "Some" "Ok"))
((let_condition
  pattern: (tuple_struct_pattern type: (identifier) @_some . (identifier) @binding.call)
  value: (call_expression function: (_) @type))
  (#any-of? @_some "Some" "Ok"))
(for_expression
  pattern: (identifier) @binding.alias
  value: [
    (identifier) @type
    (field_expression) @type
    (reference_expression value: [(identifier) (field_expression)] @type)
  ])
(for_expression pattern: (identifier) @binding.call value: (call_expression function: (_) @type))

; -- uses of names

(struct_expression name: (_) @reference.call)
(macro_invocation macro: (_) @reference.call)
(generic_function function: (_) @reference.call)
(call_expression function: (scoped_identifier path: (generic_type)) @reference.call)

[
  (line_comment)
  (block_comment)
  (string_literal)
  (raw_string_literal)
  (char_literal)
  (use_declaration)
  (extern_crate_declaration)
  (inner_attribute_item)
  (token_tree_pattern)
  (visibility_modifier)
  (metavariable)
] @reference.none
(mod_item name: (identifier) @reference.none !body)
(field_initializer field: (field_identifier) @reference.none)
(field_pattern name: (field_identifier) @reference.none)

; names that a function binds for itself
(let_declaration pattern: (identifier) @reference.local)
(tuple_pattern (identifier) @reference.local)
(tuple_struct_pattern type: (_) (identifier) @reference.local)
(slice_pattern (identifier) @reference.local)
(ref_pattern (identifier) @reference.local)
(mut_pattern (identifier) @reference.local)
(reference_pattern (identifier) @reference.local)
(captured_pattern . (identifier) @reference.local)
(field_pattern name: (shorthand_field_identifier) @reference.local)
(field_pattern pattern: (identifier) @reference.local)
((match_pattern . (identifier) @reference.local) (#match? @reference.local "^[a-z_]"))
(for_expression pattern: (identifier) @reference.local)
(closure_parameters (identifier) @reference.local)
(type_parameter name: (type_identifier) @reference.local)
(const_parameter name: (identifier) @reference.local)
