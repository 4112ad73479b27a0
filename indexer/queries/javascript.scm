; What only JavaScript has, as its grammar names it: ecmascript.scm comes first.

(class_declaration name: (identifier) @name body: (_) @body) @definition.class

(field_definition property: [(property_identifier) (private_property_identifier)] @name)
  @definition.variable
(field_definition
  property: [(property_identifier) (private_property_identifier)] @name
  value: [
    (arrow_function body: (_) @body)
    (function_expression body: (_) @body)]) @definition.function

(assignment_expression
  left: (member_expression object: (this) @receiver property: (property_identifier) @name)) @definition.member

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

; what functions in fields return
((field_definition value: [
  (arrow_function body: (new_expression constructor: (_) @type) @binding.call)
  (arrow_function body: (statement_block (return_statement [
    (new_expression constructor: (_) @type)
    (this) @type]) @binding.call))]) (#set! binding.name "return"))
