-- A role that owns most, one that owns nothing, and names that need care.
CREATE ROLE app LOGIN;
CREATE ROLE reader NOINHERIT LOGIN CONNECTION LIMIT 7;
CREATE ROLE "Odd ""Role";
CREATE ROLE grp;
GRANT grp TO app WITH ADMIN OPTION;
GRANT grp TO reader;
ALTER ROLE app SET work_mem = '8MB';
