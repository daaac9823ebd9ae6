refresh materialized view concurrently birthday.totals;
