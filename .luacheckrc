std = "lua54"
max_line_length = 100
exclude_files = { "build", "data", "lua_modules", ".luarocks" }

files["spec"] = { std = "lua54+busted" }
files["rockspec"] = { std = "rockspec" }
files[".busted"] = { std = "lua54" }
