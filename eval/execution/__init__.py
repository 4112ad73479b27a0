"""Pass rate of function bodies: generated code, run by the unit tests of its repository, inside namespaces only."""
