refresh materialized view birthday.totals;
