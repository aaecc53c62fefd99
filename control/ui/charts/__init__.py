"""Charts as SVG text, drawn on the server. Pure: values in, text out.

A chart fits every width without a script: lengths across are percentages, text keeps its size, colours are classes,
so that themes need no second drawing. Each chart also has its figures as a table.
"""
