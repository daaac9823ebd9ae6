create table birthday.events_2027 (like birthday.events);
