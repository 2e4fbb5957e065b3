"""The vocabulary: quantities, quality, units, readings, device models. One public module a domain."""
