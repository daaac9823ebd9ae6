alter table birthday.events detach partition birthday.events_2024;
