-- What 14 added.
CREATE FUNCTION public.body(a int) RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT count(*) FROM shop.orders o WHERE o.id > a; END;
CREATE PROCEDURE public.outs(OUT a int, b int) LANGUAGE sql AS 'SELECT 1';
CREATE STATISTICS public.exprs ON (lower(note)), state FROM shop.orders;
CREATE VIEW public.sqlsyntax AS SELECT extract(year FROM since) AS y, trim(both ' ' FROM kind) AS t FROM shop.customer;
