create trigger touch before update on birthday.people for each row execute function birthday.touch();
