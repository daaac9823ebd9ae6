do $$ declare r record; begin for r in select command from birthday.commands loop execute r.command; end loop; end $$;
