; What the indexer reads from C; C++ adds cpp.scm. Conventions of the capture names: see indexer/matched.py.
; Declarators nest from the outside in (`*f(int)` is pointer, function, name), so each depth is written out.

; -- functions and macros

(function_definition
  type: [(type_identifier) @returns (struct_specifier name: (_) @returns)]?
  declarator: [
    (function_declarator declarator: [
      (identifier) @name
      (parenthesized_declarator (identifier) @name)])
    (function_declarator declarator: (parenthesized_declarator (pointer_declarator
      declarator: (function_declarator declarator: (identifier) @name))))
    (pointer_declarator declarator: [
      (function_declarator declarator: (identifier) @name)
      (pointer_declarator declarator: [
        (function_declarator declarator: (identifier) @name)
        (pointer_declarator declarator: (function_declarator declarator: (identifier) @name))])])]
  body: (_) @body) @definition.function

(preproc_function_def name: (identifier) @name @global value: (_)? @body) @definition.function
(preproc_def name: (identifier) @name @global) @definition.variable

; Prototypes: not in a function, where `T x(y);` may be a variable.
(translation_unit (declaration type: [(type_identifier) @returns (struct_specifier name: (_) @returns)]? declarator: [
  (function_declarator declarator: (identifier) @name)
  (pointer_declarator declarator: [
    (function_declarator declarator: (identifier) @name)
    (pointer_declarator declarator: (function_declarator declarator: (identifier) @name))])]) @definition.function)
(preproc_ifdef (declaration type: [(type_identifier) @returns (struct_specifier name: (_) @returns)]? declarator: [
  (function_declarator declarator: (identifier) @name)
  (pointer_declarator declarator: [
    (function_declarator declarator: (identifier) @name)
    (pointer_declarator declarator: (function_declarator declarator: (identifier) @name))])]) @definition.function)
(preproc_if (declaration type: [(type_identifier) @returns (struct_specifier name: (_) @returns)]? declarator: [
  (function_declarator declarator: (identifier) @name)
  (pointer_declarator declarator: [
    (function_declarator declarator: (identifier) @name)
    (pointer_declarator declarator: (function_declarator declarator: (identifier) @name))])]) @definition.function)
(preproc_else (declaration type: [(type_identifier) @returns (struct_specifier name: (_) @returns)]? declarator: [
  (function_declarator declarator: (identifier) @name)
  (pointer_declarator declarator: (function_declarator declarator: (identifier) @name))]) @definition.function)
(preproc_elif (declaration type: [(type_identifier) @returns (struct_specifier name: (_) @returns)]? declarator: [
  (function_declarator declarator: (identifier) @name)
  (pointer_declarator declarator: (function_declarator declarator: (identifier) @name))]) @definition.function)
(declaration_list (declaration type: [(type_identifier) @returns (struct_specifier name: (_) @returns)]? declarator: [
  (function_declarator declarator: (identifier) @name)
  (pointer_declarator declarator: [
    (function_declarator declarator: (identifier) @name)
    (pointer_declarator declarator: (function_declarator declarator: (identifier) @name))])]) @definition.function)
(linkage_specification (declaration type: [(type_identifier) @returns (struct_specifier name: (_) @returns)]? declarator: [
  (function_declarator declarator: (identifier) @name)
  (pointer_declarator declarator: (function_declarator declarator: (identifier) @name))]) @definition.function)

; -- types

(struct_specifier name: (type_identifier) @name body: (_) @body) @definition.class
(union_specifier name: (type_identifier) @name body: (_) @body) @definition.class
(enum_specifier name: (type_identifier) @name body: (_) @body) @definition.class
(type_definition
  type: [
    (struct_specifier !name body: (_) @body)
    (union_specifier !name body: (_) @body)
    (enum_specifier !name body: (_) @body)]
  . declarator: (type_identifier) @name) @definition.class

(type_definition
  type: [
    (type_identifier) @type
    (primitive_type) (sized_type_specifier)
    (struct_specifier name: (type_identifier) @type)
    (union_specifier name: (type_identifier) @type)
    (enum_specifier name: (type_identifier) @type)]
  declarator: [
    (type_identifier) @name @binding.alias
    (pointer_declarator declarator: (type_identifier) @name @binding.alias)]) @definition.variable
(type_definition
  declarator: [
    (array_declarator declarator: (type_identifier) @name)
    (function_declarator declarator: [
      (type_identifier) @name
      (parenthesized_declarator [
        (type_identifier) @name
        (_ declarator: (type_identifier) @name)])])]) @definition.variable

(field_declaration
  type: [
    (type_identifier) @type
    (struct_specifier name: (_) @type)
    (union_specifier name: (_) @type)
    (enum_specifier name: (_) @type)]?
  declarator: [
    (field_identifier) @name @binding.annotation
    (array_declarator declarator: [
      (field_identifier) @name @binding.annotation
      (array_declarator declarator: (field_identifier) @name @binding.annotation)])
    (pointer_declarator declarator: [
      (field_identifier) @name @binding.annotation
      (array_declarator declarator: (field_identifier) @name @binding.annotation)
      (pointer_declarator declarator: (field_identifier) @name @binding.annotation)])]) @definition.variable
(field_declaration
  declarator: [
    (function_declarator declarator: (parenthesized_declarator (_
      declarator: (field_identifier) @name)))
    (pointer_declarator declarator: (function_declarator declarator: (parenthesized_declarator (_
      declarator: (field_identifier) @name))))]) @definition.variable
(enum_specifier name: (_) @outward body: (enumerator_list (enumerator name: (identifier) @name) @definition.variable))
(enum_specifier !name body: (enumerator_list (enumerator name: (identifier) @name) @definition.variable))

; -- variables

(declaration
  type: [
    (type_identifier) @type
    (struct_specifier name: (_) @type)
    (union_specifier name: (_) @type)
    (enum_specifier name: (_) @type)]?
  declarator: [
    (identifier) @name @binding.annotation @reference.local
    (array_declarator declarator: [
      (identifier) @name @binding.annotation @reference.local
      (array_declarator declarator: (identifier) @name @binding.annotation @reference.local)])
    (pointer_declarator declarator: [
      (identifier) @name @binding.annotation @reference.local
      (array_declarator declarator: (identifier) @name @binding.annotation @reference.local)
      (pointer_declarator declarator: (identifier) @name @binding.annotation @reference.local)])
    (init_declarator declarator: [
      (identifier) @name @binding.annotation @reference.local
      (array_declarator declarator: [
        (identifier) @name @binding.annotation @reference.local
        (array_declarator declarator: (identifier) @name @binding.annotation @reference.local)])
      (pointer_declarator declarator: [
        (identifier) @name @binding.annotation @reference.local
        (array_declarator declarator: (identifier) @name @binding.annotation @reference.local)
        (pointer_declarator declarator: (identifier) @name @binding.annotation @reference.local)])])])
  @definition.variable
(declaration
  declarator: [
    (function_declarator declarator: (parenthesized_declarator (_
      declarator: (identifier) @name @reference.local)))
    (pointer_declarator declarator: (function_declarator declarator: (parenthesized_declarator (_
      declarator: (identifier) @name @reference.local))))
    (init_declarator declarator: (function_declarator declarator: (parenthesized_declarator (_
      declarator: (identifier) @name @reference.local))))]) @definition.variable

(parameter_declaration
  type: [
    (type_identifier) @type
    (struct_specifier name: (_) @type)
    (union_specifier name: (_) @type)
    (enum_specifier name: (_) @type)]?
  declarator: [
    (identifier) @binding.parameter @reference.parameter
    (array_declarator declarator: (identifier) @binding.parameter @reference.parameter)
    (pointer_declarator declarator: [
      (identifier) @binding.parameter @reference.parameter
      (array_declarator declarator: (identifier) @binding.parameter @reference.parameter)
      (pointer_declarator declarator: (identifier) @binding.parameter @reference.parameter)])])
(parameter_declaration
  declarator: (function_declarator declarator: (parenthesized_declarator (_
    declarator: (identifier) @reference.parameter))))
(preproc_params (identifier) @reference.parameter)

; -- includes

((preproc_include path: (string_literal) @import.module) @reference.none
  (#set! import.level "1") (#set! import.name "*"))
((preproc_include path: (system_lib_string) @import.module) @reference.none (#set! import.name "*"))

; -- what holds no uses

(comment) @reference.none
(string_literal) @reference.none
(char_literal) @reference.none
(preproc_call) @reference.none
(statement_identifier) @reference.none
