; What JavaScript and TypeScript have in common. Conventions of the capture names: see indexer/matched.py.

; -- definitions

(function_declaration name: (identifier) @name body: (_) @body) @definition.function
(generator_function_declaration name: (identifier) @name body: (_) @body) @definition.function

; `const f = () => …`
(variable_declarator
  name: (identifier) @name
  value: [
    (arrow_function body: (_) @body)
    (function_expression body: (_) @body)
    (generator_function body: (_) @body)]) @definition.function

; `array.map(function double(x) {…})`
[
  (arguments (function_expression name: (identifier) @name body: (_) @body) @definition.function)
  (array (function_expression name: (identifier) @name body: (_) @body) @definition.function)
  (return_statement (function_expression name: (identifier) @name body: (_) @body) @definition.function)]

(variable_declarator name: (identifier) @name value: (class body: (_) @body)) @definition.class

(class_body (method_definition
  name: [(property_identifier) (private_property_identifier)] @name
  body: (_) @body) @definition.function)

; the methods of an object that a variable holds belong to the variable
(variable_declarator name: (identifier) @owner value: (object [
  (method_definition name: (property_identifier) @name body: (_) @body)
  (pair key: (property_identifier) @name value: [
    (arrow_function body: (_) @body)
    (function_expression body: (_) @body)])] @definition.function))

; `export default {…}`, `module.exports = {…}`: what is in the object is reached through the module
(export_statement value: (object [
  (method_definition name: (property_identifier) @name body: (_) @body)
  (pair key: (property_identifier) @name value: [
    (arrow_function body: (_) @body)
    (function_expression body: (_) @body)])] @definition.function))
((assignment_expression
  left: (member_expression) @_left
  right: (object [
    (method_definition name: (property_identifier) @name body: (_) @body)
    (pair key: (property_identifier) @name value: [
      (arrow_function body: (_) @body)
      (function_expression body: (_) @body)])] @definition.function))
  (#eq? @_left "module.exports"))

; `export default` and `module.exports =` of what has no name: called "default", "exports"
(export_statement "default" @name value: [
  (arrow_function body: (_) @body)
  (function_expression !name body: (_) @body)]) @definition.function
(export_statement "default" @name value: (class !name body: (_) @body)) @definition.class
(export_statement value: (function_expression name: (identifier) @name body: (_) @body))
  @definition.function
(export_statement value: (class name: (_) @name body: (_) @body)) @definition.class

((assignment_expression
  left: (member_expression) @_left
  right: (function_expression name: (identifier) @name body: (_) @body) @definition.function)
  (#eq? @_left "module.exports"))
((assignment_expression
  left: (member_expression property: (property_identifier) @name) @_left
  right: [
    (arrow_function body: (_) @body)
    (function_expression !name body: (_) @body)
    (generator_function !name body: (_) @body)]) @definition.function
  (#eq? @_left "module.exports"))
((assignment_expression
  left: (member_expression) @_left
  right: (class name: (_) @name body: (_) @body) @definition.class)
  (#eq? @_left "module.exports"))
((assignment_expression
  left: (member_expression property: (property_identifier) @name) @_left
  right: (class !name body: (_) @body)) @definition.class
  (#eq? @_left "module.exports"))

; `exports.f = function () {}`, `module.exports.f = …`, `exports.x = 1`
((assignment_expression
  left: (member_expression object: (_) @_object property: (property_identifier) @name)
  right: [
    (arrow_function body: (_) @body)
    (function_expression body: (_) @body)
    (generator_function body: (_) @body)]) @definition.function
  (#any-of? @_object "exports" "module.exports"))
((assignment_expression
  left: (member_expression object: (_) @_object property: (property_identifier) @name)
  right: (class body: (_) @body)) @definition.class
  (#any-of? @_object "exports" "module.exports"))
((assignment_expression
  left: (member_expression object: (_) @_object property: (property_identifier) @name)) @definition.variable
  (#any-of? @_object "exports" "module.exports"))

; `Foo.bar = function () {}`, `app.response.send = …`, `Foo.prototype.bar = …`, `Foo.prototype = {…}`
((assignment_expression
  left: (member_expression object: (identifier) @owner property: (property_identifier) @name)
  right: [
    (arrow_function body: (_) @body)
    (function_expression body: (_) @body)
    (generator_function body: (_) @body)]) @definition.function
  (#not-match? @owner "^(exports|module|window|global|globalThis|self)$"))
((assignment_expression
  left: (member_expression
    object: (member_expression object: (identifier) property: (property_identifier) @_property) @owner
    property: (property_identifier) @name)
  right: [
    (arrow_function body: (_) @body)
    (function_expression body: (_) @body)
    (generator_function body: (_) @body)]) @definition.function
  (#not-match? @_property "^(prototype|exports)$"))
((assignment_expression
  left: (member_expression
    object: (member_expression object: (identifier) @owner property: (property_identifier) @_property)
    property: (property_identifier) @name)
  right: [
    (arrow_function body: (_) @body)
    (function_expression body: (_) @body)
    (generator_function body: (_) @body)]) @definition.function
  (#eq? @_property "prototype"))
((assignment_expression
  left: (member_expression object: (identifier) @owner property: (property_identifier) @_prototype)
  right: (object [
    (method_definition name: (property_identifier) @name body: (_) @body)
    (pair key: (property_identifier) @name value: [
      (arrow_function body: (_) @body)
      (function_expression body: (_) @body)])] @definition.function))
  (#eq? @_prototype "prototype"))

; what modules hold; what comes from `require` is an import
((program [
  (lexical_declaration (variable_declarator name: (identifier) @name value: (_)? @_value) @definition.variable)
  (variable_declaration (variable_declarator name: (identifier) @name value: (_)? @_value) @definition.variable)])
  (#not-match? @_value "^(await\\s+import|require)\\s*\\([^)]*\\)(\\.\\w+)?$"))
((program [
  (lexical_declaration (variable_declarator name: [
    (object_pattern [(shorthand_property_identifier_pattern) @name (pair_pattern value: (identifier) @name)])
    (array_pattern (identifier) @name)] value: (_) @_value) @definition.variable)
  (variable_declaration (variable_declarator name: [
    (object_pattern [(shorthand_property_identifier_pattern) @name (pair_pattern value: (identifier) @name)])
    (array_pattern (identifier) @name)] value: (_) @_value) @definition.variable)])
  (#not-match? @_value "^(await\\s+import|require)\\s*\\([^)]*\\)(\\.\\w+)?$"))
(export_statement [
  (lexical_declaration (variable_declarator name: [
    (identifier) @name
    (object_pattern [(shorthand_property_identifier_pattern) @name (pair_pattern value: (identifier) @name)])
    (array_pattern (identifier) @name)]) @definition.variable)
  (variable_declaration (variable_declarator name: (identifier) @name) @definition.variable)])

; decorations: the definition starts with `export` and `const`
(export_statement declaration: (_) @decorated) @decoration
(export_statement (lexical_declaration . (variable_declarator) @decorated)) @decoration
(lexical_declaration . (variable_declarator value: [(arrow_function) (function_expression) (generator_function) (class)])
  @decorated) @decoration
(variable_declaration . (variable_declarator value: [(arrow_function) (function_expression) (generator_function) (class)])
  @decorated) @decoration
(decorator) @decorator

; -- imports

(import_statement
  (import_clause (identifier) @import.alias)
  source: (string) @import.module
  (#set! import.name "default"))
(import_statement
  (import_clause (named_imports (import_specifier name: _ @import.name alias: (_)? @import.alias)))
  source: (string) @import.module)
(import_statement
  (import_clause (namespace_import (identifier) @import.alias))
  source: (string) @import.module)
((import_statement . (string) @import.module) (#set! import.alias ""))

(export_statement
  (export_clause (export_specifier name: _ @import.name alias: _? @import.alias))
  source: (string) @import.module)
(export_statement "*" @import.name source: (string) @import.module)
(export_statement (namespace_export (_) @import.alias) source: (string) @import.module)

; `x = require("m")`, `{a, b: c} = require("m")`, `x = require("m").a`; `await import("m")` alike
((variable_declarator name: (identifier) @import.alias value: (call_expression
  function: (identifier) @_require arguments: (arguments . (string) @import.module)))
  (#eq? @_require "require"))
((variable_declarator
  name: (object_pattern [
    (shorthand_property_identifier_pattern) @import.name
    (pair_pattern key: (property_identifier) @import.name value: (identifier) @import.alias)])
  value: (call_expression
    function: (identifier) @_require arguments: (arguments . (string) @import.module)))
  (#eq? @_require "require"))
((variable_declarator name: (identifier) @import.alias value: (member_expression
  object: (call_expression
    function: (identifier) @_require arguments: (arguments . (string) @import.module))
  property: (property_identifier) @import.name))
  (#eq? @_require "require"))
(variable_declarator name: (identifier) @import.alias value: (await_expression (call_expression
  function: (import) arguments: (arguments . (string) @import.module))))
(variable_declarator
  name: (object_pattern [
    (shorthand_property_identifier_pattern) @import.name
    (pair_pattern key: (property_identifier) @import.name value: (identifier) @import.alias)])
  value: (await_expression (call_expression
    function: (import) arguments: (arguments . (string) @import.module))))

; `module.exports = require("m")`, `exports.x = require("m")`
((assignment_expression
  left: (member_expression property: (property_identifier) @import.alias)
  right: (call_expression
    function: (identifier) @_require arguments: (arguments . (string) @import.module)))
  (#eq? @_require "require"))

; what is required or imported in passing (`#set!` has to stand before predicates: the other order makes the
; binding of tree-sitter 0.26.1 free memory twice)
((expression_statement (call_expression
  function: (identifier) @_require arguments: (arguments . (string) @import.module)))
  (#set! import.alias "") (#eq? @_require "require"))
((arguments (call_expression
  function: (identifier) @_require arguments: (arguments . (string) @import.module)))
  (#set! import.alias "") (#eq? @_require "require"))
((pair value: (call_expression
  function: (identifier) @_require arguments: (arguments . (string) @import.module)))
  (#set! import.alias "") (#eq? @_require "require"))
((call_expression function: (call_expression
  function: (identifier) @_require arguments: (arguments . (string) @import.module)))
  (#set! import.alias "") (#eq? @_require "require"))
((call_expression function: (import) arguments: (arguments . (string) @import.module)) (#set! import.alias ""))

; -- what tells the type of a name

(variable_declarator name: (identifier) @binding.call value: [
  (call_expression function: (_) @type)
  (new_expression constructor: (_) @type)
  (await_expression (call_expression function: (_) @type))])
(variable_declarator name: (identifier) @binding.alias value: [(identifier) (member_expression) (this)] @type)
(assignment_expression left: [(identifier) (member_expression)] @binding.call right: [
  (call_expression function: (_) @type)
  (new_expression constructor: (_) @type)
  (await_expression (call_expression function: (_) @type))])
(assignment_expression left: [(identifier) (member_expression)] @binding.alias right: [(identifier) (member_expression)] @type)

; what functions return that do not say it: `return new Foo()`, `return this`
((function_declaration body: (statement_block (return_statement [
  (new_expression constructor: (_) @type)
  (this) @type]) @binding.call)) (#set! binding.name "return"))
((method_definition body: (statement_block (return_statement [
  (new_expression constructor: (_) @type)
  (this) @type]) @binding.call)) (#set! binding.name "return"))
((variable_declarator value: [
  (arrow_function body: (statement_block (return_statement [
    (new_expression constructor: (_) @type)
    (this) @type]) @binding.call))
  (function_expression body: (statement_block (return_statement [
    (new_expression constructor: (_) @type)
    (this) @type]) @binding.call))
  (arrow_function body: (new_expression constructor: (_) @type) @binding.call)]) (#set! binding.name "return"))
((assignment_expression right: (function_expression body: (statement_block (return_statement [
  (new_expression constructor: (_) @type)
  (this) @type]) @binding.call))) (#set! binding.name "return"))

; names under which things are exported
(export_statement "default" @binding.alias value: (identifier) @type)
(export_statement "default" @binding.alias declaration: (_ name: (_) @type))
((assignment_expression left: (member_expression) @_left @binding.call right: [
  (call_expression function: (_) @type)
  (new_expression constructor: (_) @type)])
  (#set! binding.name "exports") (#eq? @_left "module.exports"))
((variable_declarator
  name: (identifier) @binding.alias @type
  value: (assignment_expression left: (member_expression) @_left))
  (#set! binding.name "exports") (#eq? @_left "module.exports"))
((assignment_expression left: (member_expression) @_left @binding.alias right: [
  (function_expression name: (_) @type)
  (class name: (_) @type)])
  (#set! binding.name "exports") (#eq? @_left "module.exports"))
(export_statement "default" @binding.alias value: [(function_expression name: (_) @type) (class name: (_) @type)])
((assignment_expression left: (member_expression) @_left @binding.alias right: [(identifier) (member_expression)] @type)
  (#set! binding.name "exports") (#eq? @_left "module.exports"))
(export_statement "default" @binding.call value: [
  (new_expression constructor: (_) @type)
  (call_expression function: (_) @type)])
(export_statement !source (export_clause (export_specifier name: (_) @type alias: _ @binding.alias)))
((assignment_expression
  left: (member_expression) @_left
  right: (object (pair key: (property_identifier) @binding.alias value: [(identifier) (member_expression)] @type)))
  (#eq? @_left "module.exports"))
((assignment_expression
  left: (member_expression object: (identifier) @_object property: (property_identifier) @binding.alias)
  right: [(identifier) (member_expression)] @type)
  (#any-of? @_object "exports" "module"))

; -- names that are no uses

(comment) @reference.none
(string) @reference.none
(template_string (string_fragment) @reference.none)
(regex) @reference.none
(import_statement) @reference.none
(meta_property) @reference.none
(statement_identifier) @reference.none
(export_statement "default" @reference.none)
(export_statement source: (_)) @reference.none
(export_specifier alias: _ @reference.none)
(pair key: (property_identifier) @reference.none)
(pair_pattern key: (property_identifier) @reference.none)
(method_definition name: [(property_identifier) (private_property_identifier)] @reference.none)

; -- calls without parenthesis

(new_expression constructor: [(identifier) (member_expression)] @reference.call)
(decorator [(identifier) (member_expression)] @reference.call)
(call_expression
  function: [(identifier) (member_expression)] @reference.call
  arguments: (template_string))

; -- names that a function binds for itself

(variable_declarator name: (identifier) @reference.local)
(shorthand_property_identifier_pattern) @reference.local
(pair_pattern value: (identifier) @reference.local)
(array_pattern (identifier) @reference.local)
(rest_pattern (identifier) @reference.local)
(assignment_pattern left: (identifier) @reference.local)
(for_in_statement left: (identifier) @reference.local)
(catch_clause parameter: (identifier) @reference.local)
(arrow_function parameter: (identifier) @reference.local)
(function_expression name: (identifier) @reference.local)

; -- functions that are no scopes: what they bind is not the file's

(arguments [(arrow_function) (function_expression)] @reference.block)
(parenthesized_expression [(arrow_function) (function_expression)] @reference.block)
