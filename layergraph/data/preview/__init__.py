"""The view of a datastore in a notebook."""
