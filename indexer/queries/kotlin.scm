; What the indexer reads from Kotlin. Conventions of the capture names: see indexer/matched.py.
; The grammar names few fields, so places are told by the neighbours.

(package_header (qualified_identifier) @package.name) @reference.none

; -- definitions

(class_declaration name: (identifier) @name) @definition.class
(class_declaration name: (identifier) @name [(class_body) (enum_class_body)] @body) @definition.class
(object_declaration name: (identifier) @name) @definition.class
(object_declaration name: (identifier) @name (class_body) @body) @definition.class
; The members of an unnamed companion are used as the class's own; so it has no symbol.
(companion_object name: (identifier) @name) @definition.class
; An anonymous object is called "object": no name of the language, so nothing else is called so.
(object_literal "object" @name (class_body) @body) @definition.class
; An alias has the members of what it stands for.
(type_alias type: (identifier) @name) @definition.class

(function_declaration name: (identifier) @name) @definition.function
(function_declaration name: (identifier) @name (function_body) @body) @definition.function
(function_declaration
  [(user_type) @owner (nullable_type (user_type) @owner)] @reference.annotation . "." . name: (identifier) @name)
  @definition.function
(function_declaration
  name: (identifier) @name
  (function_value_parameters) . [(user_type) (nullable_type)] @returns @reference.annotation)
  @definition.function
; A property with code is a method that is called without parentheses.
(property_declaration
  (variable_declaration . (identifier) @name) [(getter (function_body)) (setter (function_body))] @body)
  @definition.function
(property_declaration
  (variable_declaration . (identifier) @name [(user_type) (nullable_type)] @returns)
  [(getter (function_body)) (setter (function_body))]) @definition.function
(property_declaration
  [(user_type) @owner (nullable_type (user_type) @owner)]
  . "." . (variable_declaration . (identifier) @name)
  [(getter (function_body)) (setter (function_body))]) @definition.function
(secondary_constructor "constructor" @name (block)? @body) @definition.function

(property_declaration
  ["val" "var"] . (type_parameters)? . (variable_declaration . (identifier) @name)) @definition.variable
(property_declaration
  [(user_type) @owner (nullable_type (user_type) @owner)] @reference.annotation
  . "." . (variable_declaration . (identifier) @name)) @definition.variable
(class_parameter ["val" "var"] . (identifier) @name) @definition.variable
(enum_entry (identifier) @name) @definition.variable

[
  (class_declaration (modifiers (annotation) @decorator))
  (object_declaration (modifiers (annotation) @decorator))
  (function_declaration (modifiers (annotation) @decorator))
  (property_declaration (modifiers (annotation) @decorator))
]

[
  (class_declaration (delegation_specifiers (delegation_specifier (user_type) @base @reference.inherit)))
  (class_declaration
    (delegation_specifiers
      (delegation_specifier (constructor_invocation . (user_type) @base @reference.inherit))))
  (class_declaration
    (delegation_specifiers
      (delegation_specifier (explicit_delegation . (user_type) @base @reference.inherit))))
  (object_declaration (delegation_specifiers (delegation_specifier (user_type) @base @reference.inherit)))
  (object_declaration
    (delegation_specifiers
      (delegation_specifier (constructor_invocation . (user_type) @base @reference.inherit))))
  (companion_object (delegation_specifiers (delegation_specifier (user_type) @base @reference.inherit)))
  (object_literal (delegation_specifiers (delegation_specifier (user_type) @base @reference.inherit)))
  (object_literal
    (delegation_specifiers
      (delegation_specifier (constructor_invocation . (user_type) @base @reference.inherit))))
  (type_alias (user_type) @base)
] @heir

; -- imports

(import (qualified_identifier) @import.path .) @reference.none
(import (qualified_identifier) @import.path . (identifier) @import.alias) @reference.none
((import (qualified_identifier) @import.module "*") @reference.none
  (#set! import.name "*") (#set! import.instead "1"))

; -- what tells the type of a name

(parameter
  . (identifier) @binding.parameter @reference.parameter
  [(user_type) (nullable_type)] @type @reference.annotation)
(parameter . (identifier) @reference.parameter [(function_type) (parenthesized_type)])
(class_parameter
  (identifier) @binding.parameter @reference.local . [(user_type) (nullable_type)] @type @reference.annotation)
(variable_declaration . (identifier) @reference.local)
(variable_declaration
  . (identifier) @binding.annotation [(user_type) (nullable_type)] @type @reference.annotation)
(catch_block . (identifier) @binding.annotation @reference.local . (_) @type @reference.annotation)
(property_declaration
  (variable_declaration . (identifier) @binding.call .) (call_expression . [(identifier) (navigation_expression)] @type))
(property_declaration
  (variable_declaration . (identifier) @binding.alias .) . [(identifier) (navigation_expression)] @type)
(property_declaration
  (variable_declaration . (identifier) @binding.annotation .) (as_expression right: (_) @type))
; `by lazy { Foo() }`
(property_declaration
  (variable_declaration . (identifier) @binding.call .)
  (property_delegate
    (call_expression
      (annotated_lambda (lambda_literal (call_expression . [(identifier) (navigation_expression)] @type) .)))))
(when_subject (variable_declaration . (identifier) @binding.call .) (call_expression . (_) @type))

; -- uses of names

; `foo { … }`
(call_expression
  . [
    (identifier)
    (navigation_expression . [(identifier) (this_expression) (super_expression)] . (identifier) .)
  ] @reference.call
  . (annotated_lambda))
(annotation (user_type) @reference.call)

; what is no use
[
  (line_comment)
  (block_comment)
  (string_content)
  (escape_sequence)
  (character_literal)
  (file_annotation)
  (label)
  (class_modifier)
  (inheritance_modifier)
  (function_modifier)
  (platform_modifier)
  (visibility_modifier)
] @reference.none
(getter "get" @reference.none)
(setter "set" @reference.none)
(value_argument . (identifier) @reference.none "=")
(type_parameter (identifier) @reference.none)
(type_constraint . (identifier) @reference.none)
(this_expression (identifier) @reference.none)
(return_expression label: (_) @reference.none)

; names that a function binds for itself, without a type
(setter (identifier) @reference.local)
