; What only JavaScript has, as its grammar names it: ecmascript.scm comes first.

(class_declaration name: (identifier) @name body: (_) @body) @definition.class

(field_definition property: [(property_identifier) (private_property_identifier)] @name)
  @definition.variable
(field_definition
  property: [(property_identifier) (private_property_identifier)] @name
  value: [
    (arrow_function body: (_) @body)
    (function_expression body: (_) @body)]) @definition.function

(class_declaration (class_heritage [(identifier) (member_expression)] @base @reference.inherit)) @heir
(variable_declarator value: (class
  (class_heritage [(identifier) (member_expression)] @base @reference.inherit))) @heir
(assignment_expression right: (class
  (class_heritage [(identifier) (member_expression)] @base @reference.inherit))) @heir
(export_statement value: (class
  (class_heritage [(identifier) (member_expression)] @base @reference.inherit))) @heir

(field_definition property: (_) @binding.call value: [
  (new_expression constructor: (_) @type)
  (call_expression function: (_) @type)])

(formal_parameters (identifier) @reference.local)
(class name: (identifier) @reference.local)
