-- A database with one of everything that a fingerprint looks at, on 13 and later. Roles: roles.sql.

CREATE EXTENSION hstore;
CREATE EXTENSION pg_trgm;
CREATE EXTENSION pg_stat_statements;
CREATE SCHEMA shop AUTHORIZATION app;
CREATE SCHEMA "Odd Sch""ema";
GRANT CREATE ON SCHEMA public TO app;
SET ROLE app;
SET search_path = shop;

-- types
CREATE TYPE state AS ENUM ('new', 'paid', 'it''s done');
ALTER TYPE state ADD VALUE 'lost' BEFORE 'paid';
CREATE DOMAIN email AS varchar(200) DEFAULT 'x@y' NOT NULL CONSTRAINT has_at CHECK (VALUE ~ '@') CHECK (VALUE IN ('a@b', 'c@d') OR length(VALUE) > 3);
CREATE TYPE address AS (street text, zip varchar(10), tags text[]);
CREATE TYPE float_range AS RANGE (subtype = float8, subtype_diff = float8mi);

-- tables
CREATE SEQUENCE plain_seq START 5 INCREMENT -3 MINVALUE -1000 MAXVALUE 10 CACHE 4 CYCLE;
CREATE TABLE customer (id bigint GENERATED ALWAYS AS IDENTITY (START 10 CACHE 20) PRIMARY KEY, mail email, home address, homes address[], kind varchar(10) DEFAULT 'b' CHECK (kind IN ('a', 'b', 'c')), code char(3) CHECK (code NOT IN ('x', 'y')), score numeric(10,2) DEFAULT -1.5, since timestamptz DEFAULT (now() AT TIME ZONE 'UTC'), until date DEFAULT '2030-01-01', total float8 GENERATED ALWAYS AS (score * 2 + 1) STORED, upper_kind text COLLATE "C" GENERATED ALWAYS AS (upper((kind)::text)) STORED, bits bit varying(8), price float_range, during interval day to second DEFAULT '1 day', doc jsonb DEFAULT '{"a": [1, 2]}', extra public.hstore, CONSTRAINT sane CHECK (score BETWEEN -10 AND 100 AND (kind <> 'c' OR code IS NOT NULL)), EXCLUDE USING gist (price WITH &&)) WITH (fillfactor = 80, autovacuum_enabled = false);
CREATE TABLE orders (id serial PRIMARY KEY, customer bigint REFERENCES customer ON DELETE CASCADE ON UPDATE RESTRICT DEFERRABLE INITIALLY DEFERRED, state state NOT NULL DEFAULT 'new', old_states state[] DEFAULT ARRAY['new', 'paid']::state[], dropped int, note text, UNIQUE (customer, note) DEFERRABLE);
ALTER TABLE orders DROP COLUMN dropped;
ALTER TABLE orders ALTER note SET STORAGE EXTERNAL;
ALTER TABLE orders ALTER note SET STATISTICS 500;
ALTER TABLE orders ALTER note SET (n_distinct = 7);
ALTER TABLE orders ADD CONSTRAINT later CHECK (note <> 'bad') NOT VALID;
ALTER TABLE orders ADD CONSTRAINT long_in CHECK (note IN ('a', 'b') OR state = ANY (ARRAY['new'::state]));
CREATE UNIQUE INDEX orders_ident ON orders (id, state);
ALTER TABLE orders REPLICA IDENTITY USING INDEX orders_ident;
CREATE INDEX orders_expr ON orders (lower(note) text_pattern_ops DESC NULLS LAST) INCLUDE (state) WHERE state <> 'lost' AND note IN ('p', 'q');
CREATE INDEX ON customer USING gin (doc jsonb_path_ops);
CREATE INDEX ON customer USING brin (since) WITH (pages_per_range = 7);
CREATE INDEX by_mail ON customer (mail COLLATE "C");
ALTER TABLE customer CLUSTER ON by_mail;
CREATE UNLOGGED TABLE scratch (a int);
CREATE TABLE parent (a int NOT NULL, b text DEFAULT 'p', CONSTRAINT pa CHECK (a > 0) NO INHERIT, CONSTRAINT pb CHECK (b <> ''));
CREATE TABLE child (c int) INHERITS (parent);
CREATE TABLE typed OF address (PRIMARY KEY (street), zip WITH OPTIONS DEFAULT '0');

-- partitions
CREATE TABLE event (id bigint NOT NULL, at timestamptz NOT NULL, region text NOT NULL, customer bigint REFERENCES customer, PRIMARY KEY (id, at, region), CHECK (region IN ('eu', 'us'))) PARTITION BY RANGE (at);
CREATE TABLE event_2025 PARTITION OF event FOR VALUES FROM ('2025-01-01 00:00+00') TO ('2026-01-01 00:00+00') PARTITION BY LIST (region);
CREATE TABLE event_2025_eu PARTITION OF event_2025 FOR VALUES IN ('eu', NULL);
CREATE TABLE event_rest PARTITION OF event DEFAULT;
CREATE INDEX event_region ON event (region, (id % 7));
CREATE TABLE bucket (k int) PARTITION BY HASH ((k + 1));
CREATE TABLE bucket_0 PARTITION OF bucket FOR VALUES WITH (MODULUS 1, REMAINDER 0);
CREATE TABLE refers (id bigint, at timestamptz, region text, FOREIGN KEY (id, at, region) REFERENCES event);

-- functions
CREATE FUNCTION add(a int, b int DEFAULT 1 + 2, VARIADIC rest int[] DEFAULT '{}') RETURNS int LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE COST 7 AS 'SELECT a + b';
CREATE FUNCTION pairs(n int, OUT x int, OUT y text) RETURNS SETOF record LANGUAGE plpgsql STABLE ROWS 50 SECURITY DEFINER SET search_path = shop, pg_temp SET work_mem = '1MB' AS $$BEGIN x := n; y := 'it''s'; RETURN NEXT; END$$;
CREATE FUNCTION tab(s state) RETURNS TABLE (i int, a address) LANGUAGE sql AS 'SELECT 1, NULL::shop.address';
CREATE PROCEDURE work(INOUT n int) LANGUAGE plpgsql AS $$BEGIN n := 1; END$$;
CREATE AGGREGATE total(int) (SFUNC = int4pl, STYPE = int, INITCOND = '0', PARALLEL = SAFE, COMBINEFUNC = int4pl);
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RETURN new; END$$;
CREATE FUNCTION "Od""d\"("In" text) RETURNS text LANGUAGE sql AS 'SELECT $1';

-- views
CREATE VIEW one AS SELECT id, state, upper(note) AS u FROM orders WHERE note LIKE 'a%' AND id > 3;
CREATE VIEW aliased AS SELECT o.id, (SELECT count(*) FROM customer c WHERE c.id = o.customer) AS n FROM orders o WHERE EXISTS (SELECT 1 FROM event e WHERE e.customer = o.customer AND o.state = 'new');
CREATE VIEW joined WITH (security_barrier) AS SELECT o.*, c.mail FROM orders o LEFT JOIN customer c ON c.id = o.customer;
CREATE VIEW checked AS SELECT id, note FROM orders WHERE id > 0 WITH LOCAL CHECK OPTION;
CREATE VIEW setop AS SELECT id FROM orders UNION ALL (SELECT id FROM customer EXCEPT SELECT id FROM event);
CREATE VIEW cte AS WITH RECURSIVE r(n, path) AS (SELECT id, ARRAY[id] FROM orders UNION ALL SELECT r.n + 1, r.path || r.n FROM r WHERE r.n < 5) SELECT n, path FROM r ORDER BY n DESC LIMIT 3;
CREATE VIEW grouped AS SELECT state, count(*) FILTER (WHERE id > 1) AS n, sum(id) OVER w AS s FROM orders GROUP BY state, id HAVING count(*) > 0 WINDOW w AS (PARTITION BY state ORDER BY id);
CREATE VIEW rollup AS SELECT state, note, GROUPING(state) AS g, max(id) AS m FROM orders GROUP BY ROLLUP (state, note);
CREATE VIEW nested AS SELECT q.a, q.b FROM (SELECT s.id AS a, s.note AS b FROM orders s) q;
CREATE VIEW exprs AS SELECT extract(year FROM since) AS y, substring(kind FROM 1 FOR 2) AS s, position('a' IN kind) AS p, overlay(kind PLACING 'x' FROM 1) AS o, trim(both ' ' FROM kind) AS t, since AT TIME ZONE 'UTC' AS z, CASE kind WHEN 'a' THEN 1 ELSE 2 END AS c, coalesce(code, 'x') AS d, (home).zip AS zip, homes[1] AS h, doc -> 'a' ->> 0 AS j, kind IN ('a', 'b') AS i, ROW(id, kind) < ROW(1, 'a') AS r, (score, total) IS DISTINCT FROM (1, 2) AS f, kind SIMILAR TO 'a%' AS si, interval '1 hour' * 2 AS iv, code::bpchar = 'a' AS bp, current_date AS cd FROM customer;
CREATE VIEW func AS SELECT g, p.x FROM generate_series(1, 3) g, LATERAL pairs(g) p;
CREATE VIEW onlyfunc AS SELECT * FROM generate_series(1, 3) WITH ORDINALITY AS t(a, b);
CREATE VIEW sampled AS SELECT id FROM orders TABLESAMPLE system (10) REPEATABLE (1);
CREATE VIEW vals AS SELECT * FROM (VALUES (1, 'a'::text), (2, 'b')) v(n, t) WHERE n > 1;
CREATE VIEW wholerow AS SELECT orders, orders.id FROM ONLY orders;
CREATE VIEW onview AS SELECT one.id FROM one FOR UPDATE;
CREATE VIEW nothing AS SELECT 1 AS a;
CREATE MATERIALIZED VIEW mat WITH (fillfactor = 70) AS SELECT id, note FROM orders WHERE id IN (1, 2) WITH NO DATA;
CREATE UNIQUE INDEX mat_id ON mat (id);

-- rules, triggers, policies, statistics
CREATE RULE quiet AS ON INSERT TO nothing WHERE new.a > 1 DO INSTEAD INSERT INTO scratch VALUES (new.a);
CREATE TRIGGER t1 BEFORE UPDATE OF note ON orders FOR EACH ROW WHEN (old.note IS DISTINCT FROM new.note AND new.note IN ('x', 'y')) EXECUTE FUNCTION touch();
CREATE TRIGGER t2 AFTER INSERT ON event FOR EACH ROW EXECUTE FUNCTION touch();
CREATE CONSTRAINT TRIGGER t3 AFTER INSERT ON customer DEFERRABLE FOR EACH ROW EXECUTE FUNCTION touch();
ALTER TABLE orders DISABLE TRIGGER t1;
ALTER TABLE customer ENABLE ALWAYS TRIGGER t3;
ALTER TABLE orders ENABLE ROW LEVEL SECURITY;
CREATE POLICY mine ON orders AS RESTRICTIVE FOR UPDATE TO app, reader USING (note = current_user AND EXISTS (SELECT 1 FROM customer c WHERE c.id = customer)) WITH CHECK (state IN ('new', 'paid'));
ALTER TABLE parent FORCE ROW LEVEL SECURITY;
CREATE STATISTICS st (dependencies, mcv) ON customer, note FROM orders;

-- grants
GRANT SELECT, INSERT ON orders TO reader WITH GRANT OPTION;
GRANT ALL ON customer TO grp;
GRANT SELECT (id, mail) ON customer TO PUBLIC;
GRANT USAGE ON SEQUENCE plain_seq TO reader;
REVOKE EXECUTE ON FUNCTION add FROM PUBLIC;
GRANT EXECUTE ON FUNCTION add TO reader;
GRANT USAGE ON SCHEMA shop TO reader;
GRANT USAGE ON TYPE state TO reader;
REVOKE ALL ON TABLE scratch FROM app;
GRANT TRIGGER ON event TO "Odd ""Role";
GRANT SELECT ON parent TO reader;
REVOKE SELECT ON parent FROM reader;
ALTER DEFAULT PRIVILEGES IN SCHEMA shop GRANT SELECT ON TABLES TO reader;
ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO grp;
RESET ROLE;
SET search_path = public;
CREATE TABLE "Odd Sch""ema"."t\a'b""l;e" ("c""o'l\ü" int PRIMARY KEY, "t" text DEFAULT E'a\\b''c');
CREATE TABLE public.xid_like (x xid, y oid, z name, w "char", v regclass, u text[] DEFAULT '{a,"b c"}', p point, PRIMARY KEY (y));
CREATE OPERATOR public.### (LEFTARG = int, RIGHTARG = int, FUNCTION = int4pl, COMMUTATOR = OPERATOR(public.###));
CREATE OPERATOR CLASS public.my_ops FOR TYPE int USING btree AS OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >, FUNCTION 1 btint4cmp(int, int);
CREATE COLLATION public.plain (provider = libc, locale = 'C');
CREATE TEXT SEARCH CONFIGURATION public.ts (COPY = simple);
CREATE TEXT SEARCH DICTIONARY public.dict (TEMPLATE = simple, STOPWORDS = english);
CREATE FUNCTION public.to_addr(text) RETURNS shop.address LANGUAGE sql AS 'SELECT ROW($1, NULL, NULL)::shop.address';
CREATE CAST (text AS shop.address) WITH FUNCTION public.to_addr(text) AS ASSIGNMENT;
CREATE EXTENSION postgres_fdw;
CREATE SERVER far FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host 'h', port '1');
CREATE USER MAPPING FOR app SERVER far OPTIONS (user 'u', password 'far-secret');
CREATE FOREIGN TABLE public.ft (a int OPTIONS (column_name 'b') NOT NULL) SERVER far OPTIONS (table_name 'x');
CREATE FUNCTION public.ev() RETURNS event_trigger LANGUAGE plpgsql AS $$BEGIN END$$;
CREATE EVENT TRIGGER evt ON ddl_command_end WHEN TAG IN ('CREATE TABLE') EXECUTE FUNCTION public.ev();
ALTER EVENT TRIGGER evt DISABLE;
CREATE TABLE public.aurora_seen (a int PRIMARY KEY);
