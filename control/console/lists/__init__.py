"""Lists: search, filters, order, columns, saved views, bulk actions and exports of every kind of object, once."""
