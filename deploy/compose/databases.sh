#!/bin/bash
# Runs once, in an empty PostgreSQL: the two roles and a database per component, as on one machine and in a cluster.
set -euo pipefail
psql -v ON_ERROR_STOP=1 -v owner="$FORETELL_OWNER_PASSWORD" -v app="$FORETELL_APP_PASSWORD" -U postgres <<'SQL'
CREATE ROLE foretell_owner LOGIN PASSWORD :'owner';
CREATE ROLE foretell_app LOGIN PASSWORD :'app';
SQL
for name in gateway leads deals pricing forecast; do
    psql -v ON_ERROR_STOP=1 -U postgres <<SQL
CREATE DATABASE foretell_$name OWNER foretell_owner;
REVOKE ALL ON DATABASE foretell_$name FROM PUBLIC;
GRANT CONNECT ON DATABASE foretell_$name TO foretell_app;
SQL
    psql -v ON_ERROR_STOP=1 -U postgres -d "foretell_$name" <<'SQL'
REVOKE ALL ON SCHEMA public FROM PUBLIC;
ALTER SCHEMA public OWNER TO foretell_owner;
GRANT USAGE ON SCHEMA public TO foretell_app;
SQL
done
