; What the indexer reads from PHP. Conventions of the capture names: see indexer/matched.py.

(namespace_definition name: (namespace_name) @package.name !body) @reference.none
(namespace_definition name: (namespace_name) @name body: (_) @body) @definition.namespace

; -- classes, interfaces, traits, enums

(class_declaration name: (name) @name body: (_) @body) @definition.class
(interface_declaration name: (name) @name body: (_) @body) @definition.class
(trait_declaration name: (name) @name body: (_) @body) @definition.class
(enum_declaration name: (name) @name body: (_) @body) @definition.class

(class_declaration (base_clause [(name) (qualified_name)] @base @reference.inherit)) @heir
(class_declaration (class_interface_clause [(name) (qualified_name)] @base @reference.inherit)) @heir
(class_declaration body: (declaration_list
  (use_declaration [(name) (qualified_name)] @base @reference.inherit))) @heir
(interface_declaration (base_clause [(name) (qualified_name)] @base @reference.inherit)) @heir
(enum_declaration (class_interface_clause [(name) (qualified_name)] @base @reference.inherit)) @heir
(enum_declaration body: (enum_declaration_list
  (use_declaration [(name) (qualified_name)] @base @reference.inherit))) @heir
(trait_declaration body: (declaration_list
  (use_declaration [(name) (qualified_name)] @base @reference.inherit))) @heir

(attribute_group) @decorator

; -- functions, methods, properties, constants

(function_definition
  name: (name) @name
  return_type: (_)? @returns
  body: (_) @body) @definition.function
(method_declaration
  name: (name) @name
  return_type: (_)? @returns
  body: (_)? @body) @definition.function

(property_declaration
  type: (_)? @type
  (property_element name: (variable_name (name) @name @binding.annotation))) @definition.variable
(property_promotion_parameter
  type: (_)? @type
  name: (variable_name (name) @name)) @definition.member
(const_declaration (const_element . (name) @name)) @definition.variable
(enum_case name: (name) @name) @definition.variable
((function_call_expression
  function: (name) @_define
  arguments: (arguments . (argument (string (string_content) @name)))) @definition.variable
  (#eq? @_define "define"))

; -- use

(namespace_use_declaration (namespace_use_clause
  . [(qualified_name) (name)] @import.path
  alias: (name)? @import.alias)) @reference.none
(namespace_use_declaration
  (namespace_name) @import.module
  body: (namespace_use_group (namespace_use_clause
    . [(name) (qualified_name)] @import.name
    alias: (name)? @import.alias))) @reference.none

([
  (require_expression (string (string_content) @import.module))
  (require_once_expression (string (string_content) @import.module))
  (include_expression (string (string_content) @import.module))
  (include_once_expression (string (string_content) @import.module))
  (require_expression (binary_expression right: (string (string_content) @import.module)))
  (require_once_expression (binary_expression right: (string (string_content) @import.module)))
  (include_expression (binary_expression right: (string (string_content) @import.module)))
  (include_once_expression (binary_expression right: (string (string_content) @import.module)))
] (#set! import.level "1") (#set! import.name "*"))

; -- what tells the type of a name

(simple_parameter
  type: (_) @type
  name: (variable_name) @binding.parameter)
(simple_parameter name: (variable_name) @reference.parameter)
(variadic_parameter name: (variable_name) @reference.parameter)
(property_promotion_parameter
  type: (_)? @type
  name: (variable_name) @binding.parameter @reference.parameter)
((property_promotion_parameter
  type: (_) @type
  name: (variable_name (name) @binding.annotation))
  (#set! binding.prefix "$this."))

(assignment_expression
  left: (variable_name) @reference.local)
(assignment_expression
  left: [(variable_name) (member_access_expression)] @binding.call
  right: (object_creation_expression [(name) (qualified_name)] @type))
(assignment_expression
  left: [(variable_name) (member_access_expression)] @binding.call
  right: [
    (function_call_expression function: [(name) (qualified_name)] @type)
    (member_call_expression object: (_) @type name: (name) @type.end)
    (nullsafe_member_call_expression object: (_) @type name: (name) @type.end)
    (scoped_call_expression scope: (_) @type name: (name) @type.end)])
(assignment_expression
  left: [(variable_name) (member_access_expression)] @binding.alias
  right: [(variable_name) (member_access_expression) (nullsafe_member_access_expression)] @type)
(catch_clause
  type: (type_list . (named_type) @type)
  name: (variable_name) @binding.annotation @reference.local)

; -- uses without parentheses, names that a function binds for itself, what holds no uses

(object_creation_expression [(name) (qualified_name)] @reference.call)
(attribute [(name) (qualified_name)] @reference.call)

(foreach_statement (variable_name) @reference.local)
(foreach_statement (pair (variable_name) @reference.local))
(list_literal (variable_name) @reference.local)
(static_variable_declaration name: (variable_name) @reference.local)
(global_declaration (variable_name) @reference.local)
(anonymous_function_use_clause (variable_name) @reference.local)

(argument name: (name) @reference.none)
(use_list) @reference.none
[
  (comment)
  (string_content)
  (text)
  (nowdoc_string)
  (php_tag)
  (heredoc_start)
  (heredoc_end)
] @reference.none
