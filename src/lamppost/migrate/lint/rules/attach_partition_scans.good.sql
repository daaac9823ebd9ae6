create table birthday.events_2027 (like birthday.events);
alter table birthday.events attach partition birthday.events_2027 for values from (2027) to (2028);
