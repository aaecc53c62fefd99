"""`clew sql`: run one read-only statement of a user over the views for analysts.

guard       check the parsed statement against lists of what is allowed
functions   functions that a statement may call
rename      point a checked statement to the database of this installation
run         run the statement within limits and convert values to JSON types
"""
