; Elements in JavaScript and TypeScript: ecmascript.scm comes first.

(jsx_opening_element name: [(identifier) (member_expression)] @reference.call)
(jsx_self_closing_element name: [(identifier) (member_expression)] @reference.call)

(jsx_text) @reference.none
(jsx_closing_element) @reference.none
(jsx_attribute (property_identifier) @reference.none)
