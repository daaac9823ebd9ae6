create table birthday.events_2027 partition of birthday.events for values from (2027) to (2028);
