-- The application's login role and its database, made once by a superuser, with psql:
--   psql -d postgres -v ON_ERROR_STOP=1 -f bootstrap.sql
-- The role's password is read from the environment variable FROSTBYTE_DATABASE_PASSWORD.
-- Running it again changes nothing but the password.
--
-- The role is no superuser and bypasses no row-level security: what a tenant may read is decided
-- by PostgreSQL. CREATEROLE lets it make a role for each tenant; CREATEDB lets the tests make
-- their database, to which template1 hands on the extension.

\set ON_ERROR_STOP on
\getenv database_password FROSTBYTE_DATABASE_PASSWORD

SELECT 'CREATE ROLE frostbyte'
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'frostbyte')
\gexec
ALTER ROLE frostbyte
    LOGIN NOSUPERUSER NOBYPASSRLS NOREPLICATION CREATEROLE CREATEDB PASSWORD :'database_password';

\connect template1
CREATE EXTENSION IF NOT EXISTS vector;
REVOKE CREATE ON SCHEMA public FROM PUBLIC;

\connect postgres
SELECT 'CREATE DATABASE frostbyte OWNER frostbyte'
WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'frostbyte')
\gexec

\connect frostbyte
CREATE EXTENSION IF NOT EXISTS vector;
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
GRANT USAGE, CREATE ON SCHEMA public TO frostbyte;
