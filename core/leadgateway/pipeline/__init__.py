"""From a lead's bytes to what its customer receives: parse, check the rules, normalise, map. Pure functions, no I/O.

`lead` reads the body, `process` decides, `payload` writes what is sent; the other modules are the steps between.
Nothing here raises on any lead that `parse_lead` returns, and no message or reason repeats a lead's contents.
"""
