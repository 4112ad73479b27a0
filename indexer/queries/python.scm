; What the indexer reads from Python. Conventions of the capture names: see indexer/matched.py.

; -- definitions

(class_definition name: (identifier) @name body: (_) @body) @definition.class

(function_definition name: (identifier) @name return_type: (type)? @returns body: (_) @body) @definition.function

(decorated_definition definition: (_) @decorated) @decoration
(decorator) @decorator

(class_definition
  superclasses: (argument_list [(identifier) (attribute) (subscript)] @base)) @heir

(assignment left: (identifier) @name) @definition.variable
(assignment left: (pattern_list (identifier) @name)) @definition.variable
(assignment left: (tuple_pattern (identifier) @name)) @definition.variable
(type_alias_statement left: (type (identifier) @name)) @definition.variable

(assignment left: (attribute object: (identifier) @receiver attribute: (identifier) @name)) @definition.member

(class_definition body: (block . (comment)* . (expression_statement . (string) @doc))) @documented
(function_definition body: (block . (comment)* . (expression_statement . (string) @doc))) @documented
(module . (comment)* . (expression_statement . (string) @doc)) @documented

; -- imports

(import_statement name: (dotted_name) @import.module)
(import_statement name: (aliased_import name: (dotted_name) @import.module alias: (identifier) @import.alias))

(import_from_statement module_name: (dotted_name) @import.module name: (dotted_name) @import.name)
(import_from_statement
  module_name: (dotted_name) @import.module
  name: (aliased_import name: (dotted_name) @import.name alias: (identifier) @import.alias))
(import_from_statement module_name: (dotted_name) @import.module (wildcard_import) @import.name)

(import_from_statement
  module_name: (relative_import (import_prefix) @import.level (dotted_name)? @import.module)
  name: (dotted_name) @import.name)
(import_from_statement
  module_name: (relative_import (import_prefix) @import.level (dotted_name)? @import.module)
  name: (aliased_import name: (dotted_name) @import.name alias: (identifier) @import.alias))
(import_from_statement
  module_name: (relative_import (import_prefix) @import.level (dotted_name)? @import.module)
  (wildcard_import) @import.name)

((future_import_statement name: (dotted_name) @import.name) (#set! import.module "__future__"))

; -- what tells the type of a name

(typed_parameter . (identifier) @binding.parameter type: (type) @type)
(typed_default_parameter name: (identifier) @binding.parameter type: (type) @type)
(assignment left: [(identifier) (attribute)] @binding.annotation type: (type) @type)
(assignment left: [(identifier) (attribute)] @binding.alias right: [(identifier) (attribute)] @type)
(assignment left: [(identifier) (attribute)] @binding.call right: (call function: (_) @type))
(assignment left: [(identifier) (attribute)] @binding.call right: (await (call function: (_) @type)))
(named_expression name: (identifier) @binding.call value: (call function: (_) @type))
(as_pattern (call function: (_) @type) alias: (as_pattern_target (identifier) @binding.call))

; -- uses of names

(decorator [(identifier) (attribute)] @reference.call)

(class_definition superclasses: (argument_list [(identifier) (attribute)] @reference.inherit))
(class_definition superclasses: (argument_list (subscript value: [(identifier) (attribute)] @reference.inherit)))

(type) @reference.annotation
(type (string) @reference.quoted)

; what is no use

(comment) @reference.none
(string_content) @reference.none
[(import_statement) (import_from_statement) (future_import_statement)] @reference.none
(global_statement (identifier) @reference.global)
(nonlocal_statement (identifier) @reference.global)

; names that a function binds for itself
(parameters (identifier) @reference.parameter)
(lambda_parameters (identifier) @reference.local)
(default_parameter name: (identifier) @reference.parameter)
(typed_parameter . (identifier) @reference.parameter)
(typed_default_parameter name: (identifier) @reference.parameter)
(list_splat_pattern (identifier) @reference.local)
(dictionary_splat_pattern (identifier) @reference.local)
(for_statement left: (pattern_list (identifier) @reference.local))
(for_in_clause left: (pattern_list (identifier) @reference.local))
(tuple_pattern (identifier) @reference.local)
(list_pattern (identifier) @reference.local)
(for_statement left: (identifier) @reference.local)
(for_in_clause left: (identifier) @reference.local)
(named_expression name: (identifier) @reference.local)
(as_pattern_target (identifier) @reference.local)
