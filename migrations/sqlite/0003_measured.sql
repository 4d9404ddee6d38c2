-- How legs were heard: for readers of the log alone, nothing is folded from it.

ALTER TABLE log ADD COLUMN measured TEXT; -- how a leg was heard: JSON; NULL with a leg and no token: the token is done with
