#!/bin/sh
# A PostgreSQL server as (part of) a bundle: its log, whatever log_destination and log_line_prefix are, and the settings that are not the
# usual ones. Connects as psql does: set PGHOST, PGUSER and so on. Run it where the log files are.
# usage: postgresql.sh BUNDLE [MINUTES [SERVICE]]
set -eu
bundle=${1:?usage: postgresql.sh BUNDLE [MINUTES [SERVICE]]} minutes=${2:-120} service=${3:-postgresql}
mkdir -p "$bundle/logs/$service" "$bundle/configs/$service"
ask() { psql -XAtq -d "${PGDATABASE:-postgres}" -c "$1"; }

# Without logging_collector the log goes where the service manager puts it: on Debian below /var/log/postgresql, else the journal.
if [ "$(ask 'show logging_collector')" = on ]; then
    folder=$(ask "select case when d like '/%' then d else current_setting('data_directory') || '/' || d end from current_setting('log_directory') d")
else
    folder=/var/log/postgresql
fi
find "$folder" -type f -mmin "-$minutes" -exec cp -p {} "$bundle/logs/$service/" \;

# Where a configuration file was edited, git.sh has the better story: it knows what stood there before.
ask "select name || ' = ''' || replace(current_setting(name), '''', '''''') || '''' from pg_settings
     where source not in ('default', 'override', 'client') and name !~ '(password|passphrase|conninfo)' order by name" \
    >"$bundle/configs/$service/now.conf"
echo "next: whatchanged analyze $bundle; whatchanged db $bundle"
