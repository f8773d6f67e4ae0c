-- A small shop: keys of several kinds, sequences, a partitioned table, JSON, constraints and a view.
CREATE SCHEMA shop;
CREATE TYPE shop.status AS ENUM ('open', 'paid', 'sent');
CREATE SEQUENCE shop.invoice START 1000;
CREATE TABLE shop.customer (
    id      int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    email   text NOT NULL UNIQUE,
    profile jsonb NOT NULL DEFAULT '{}'
);
CREATE TABLE shop.purchase (
    id          bigserial PRIMARY KEY,
    customer_id int NOT NULL REFERENCES shop.customer,
    invoice     bigint NOT NULL DEFAULT nextval('shop.invoice') UNIQUE,
    status      shop.status NOT NULL DEFAULT 'open',
    amount      numeric(10, 2) NOT NULL CHECK (amount >= 0),
    bought_at   timestamptz NOT NULL
);
CREATE INDEX ON shop.purchase (customer_id);
CREATE TABLE shop.event (
    happened_on date NOT NULL,
    id          bigint NOT NULL,
    detail      text NOT NULL,
    PRIMARY KEY (happened_on, id)
) PARTITION BY RANGE (happened_on);
CREATE TABLE shop.event_2025 PARTITION OF shop.event FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
CREATE TABLE shop.event_2026 PARTITION OF shop.event FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
CREATE VIEW shop.turnover AS SELECT status, sum(amount) AS amount FROM shop.purchase GROUP BY status;

INSERT INTO shop.customer (email, profile)
SELECT 'customer' || n || '@example.com', jsonb_build_object('since', 2000 + n % 25) FROM generate_series(1, 5000) n;
INSERT INTO shop.purchase (customer_id, status, amount, bought_at)
SELECT 1 + n % 5000, (ARRAY['open', 'paid', 'sent'])[1 + n % 3]::shop.status, (n % 10000) / 100.0,
       timestamptz '2025-01-01 00:00 UTC' + n * interval '3 minutes' FROM generate_series(1, 100000) n;
INSERT INTO shop.event
SELECT date '2025-01-01' + (n % 700), n, md5(n::text) FROM generate_series(1, 20000) n;
ANALYZE shop.customer, shop.purchase, shop.event;
