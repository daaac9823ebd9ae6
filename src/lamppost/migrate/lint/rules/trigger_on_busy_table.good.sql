create table birthday.notes (id bigint primary key);
create trigger touch before update on birthday.notes for each row execute function birthday.touch();
