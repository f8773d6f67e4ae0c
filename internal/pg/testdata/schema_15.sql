-- What 15 added.
CREATE TABLE public.nulls (a int UNIQUE NULLS NOT DISTINCT, b int, c int REFERENCES public.xid_like (y) ON DELETE SET NULL (c));
CREATE VIEW public.inv WITH (security_invoker) AS SELECT a FROM public.nulls;
