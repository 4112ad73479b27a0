; What the indexer reads from Ruby. Conventions of the capture names: see indexer/matched.py.

; -- modules and classes: a module is a namespace until it has methods of its own

(module
  name: [
    (constant) @name
    (scope_resolution scope: (_)? @owner name: (constant) @name)]
  body: (_)? @body) @definition.namespace
(module
  name: [(constant) @name (scope_resolution scope: (_)? @owner name: (constant) @name)]
  body: (body_statement [(method) (singleton_method) (singleton_class)]) @body) @definition.class
(class
  name: [
    (constant) @name
    (scope_resolution scope: (_)? @owner name: (constant) @name)]
  body: (_)? @body) @definition.class
(singleton_class value: [(constant) (scope_resolution)] @name) @definition.extension

; `Point = Struct.new(:x) do … end`, `Error = Class.new(StandardError)`
((assignment
  left: (constant) @name
  right: (call
    receiver: (constant) @_maker
    method: (identifier) @_new
    block: (_ body: (_) @body)?)) @definition.class
  (#any-of? @_maker "Struct" "Class" "Module" "Data")
  (#any-of? @_new "new" "define"))
((assignment
  left: (constant)
  right: (call
    receiver: (constant) @_maker
    method: (identifier) @_new
    arguments: (argument_list . [(constant) (scope_resolution)] @base @reference.inherit))) @heir
  (#eq? @_maker "Class")
  (#eq? @_new "new"))

(class superclass: (superclass [(constant) (scope_resolution)] @base @reference.inherit)) @heir
((class body: (body_statement (call
  !receiver
  method: (identifier) @_mixin
  arguments: (argument_list [(constant) (scope_resolution)] @base @reference.inherit)))) @heir
  (#any-of? @_mixin "include" "extend" "prepend"))
((module body: (body_statement (call
  !receiver
  method: (identifier) @_mixin
  arguments: (argument_list [(constant) (scope_resolution)] @base @reference.inherit)))) @heir
  (#any-of? @_mixin "include" "extend" "prepend"))

; -- methods, attributes, constants

(method name: (_) @name body: (_)? @body) @definition.function
(singleton_method
  object: [(constant) @owner (self) (identifier)]
  name: (_) @name
  body: (_)? @body) @definition.function

((call
  !receiver
  method: (identifier) @_maker
  arguments: (argument_list [(simple_symbol) (string (string_content))] @name)) @definition.variable
  (#any-of? @_maker "attr_accessor" "attr_reader" "attr_writer" "attr" "mattr_accessor" "cattr_accessor"
    "class_attribute"))
((call
  !receiver
  method: (identifier) @_maker
  arguments: (argument_list . (simple_symbol) @name)) @definition.variable
  (#any-of? @_maker "define_method" "alias_method"))
(alias name: [(identifier) (operator) (simple_symbol)] @name) @definition.variable

(assignment left: (constant) @name) @definition.variable
(assignment left: (left_assignment_list (constant) @name)) @definition.variable
(operator_assignment left: (constant) @name) @definition.variable

; -- files

((call
  !receiver
  method: (identifier) @_require
  arguments: (argument_list . (string (string_content) @import.module))) @reference.none
  (#any-of? @_require "require" "load")
  (#set! import.name "*"))
((call
  !receiver
  method: (identifier) @_require
  arguments: (argument_list . (string (string_content) @import.module))) @reference.none
  (#eq? @_require "require_relative")
  (#set! import.level "1")
  (#set! import.name "*"))
((call
  method: (identifier) @_require
  arguments: (argument_list (simple_symbol) . (string (string_content) @import.module))) @reference.none
  (#eq? @_require "autoload")
  (#set! import.name "*"))

; -- what tells the type of a name: the type of a call has two nodes, the receiver and the method

(assignment
  left: [(identifier) (constant)] @binding.call
  right: (call receiver: (_) @type method: (identifier) @type.end))
(assignment
  left: (instance_variable) @binding.call
  right: (call receiver: (_) @type method: (identifier) @type.end))
(operator_assignment
  left: [(identifier) (instance_variable)] @binding.call
  right: (call receiver: (_) @type method: (identifier) @type.end))
(assignment
  left: [(identifier) (constant) (instance_variable)] @binding.call
  right: (call !receiver method: (identifier) @type))
(assignment
  left: [(identifier) (constant) (instance_variable)] @binding.alias
  right: [(identifier) (instance_variable) (constant) (scope_resolution)] @type)
(rescue
  exceptions: (exceptions . [(constant) (scope_resolution)] @type)
  variable: (exception_variable (identifier) @binding.annotation @reference.local))

; -- names that a method binds for itself

(method_parameters (identifier) @reference.parameter)
(optional_parameter name: (identifier) @reference.parameter)
(keyword_parameter name: (identifier) @reference.parameter)
(splat_parameter name: (identifier) @reference.parameter)
(hash_splat_parameter name: (identifier) @reference.parameter)
(block_parameter name: (identifier) @reference.parameter)
(block_parameters (identifier) @reference.local)
(block_parameters (destructured_parameter (identifier) @reference.local))
(lambda_parameters (identifier) @reference.local)
(assignment left: (identifier) @reference.local)
(operator_assignment left: (identifier) @reference.local)
(left_assignment_list (identifier) @reference.local)
(for pattern: (identifier) @reference.local)

; -- what holds no uses

[
  (comment)
  (string_content)
  (heredoc_content)
  (heredoc_end)
  (heredoc_beginning)
  (bare_symbol)
  (simple_symbol)
  (hash_key_symbol)
] @reference.none
