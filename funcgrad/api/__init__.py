"""The transforms as users call them, with errors that say the fix.

`arguments` and `leaves` stand at the border (what goes in, what comes out), `gradient`, `jacobian`,
`mapping` and `program` hold the transforms. `funcgrad` has their names, and loads the modules.
"""
