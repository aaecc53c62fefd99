"""Tables in files of people: CSV and XLSX, read and written row by row. What they hold is not trusted."""
