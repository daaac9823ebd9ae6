set search_path = birthday;
