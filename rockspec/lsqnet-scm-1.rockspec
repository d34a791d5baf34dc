rockspec_format = "3.0"
package = "lsqnet"
version = "scm-1"
source = {
  url = "git+file://.",
}
description = {
  summary = "Small neural networks, trained by linear algebra",
  detailed = [[
    Trains small neural networks by alternating least-squares solves in place of gradient
    descent, on LAPACK and any BLAS, with matrices, networks and their files as Lua values.
  ]],
  license = "MIT",
}
supported_platforms = { "unix" }
dependencies = {
  "lua >= 5.4, < 5.5",
  "argparse",
  "dkjson",
  "luafilesystem",
}
test_dependencies = {
  "busted",
}
build = {
  type = "make",
  build_target = "build",
  build_variables = {
    CFLAGS = "$(CFLAGS)",
    LUA_INCDIR = "$(LUA_INCDIR)",
    LUA = "$(LUA)",
  },
  install_variables = {
    CFLAGS = "$(CFLAGS)",
    LUA_INCDIR = "$(LUA_INCDIR)",
    LUA = "$(LUA)",
    LIBDIR = "$(LIBDIR)",
    LUADIR = "$(LUADIR)",
    INCDIR = "$(PREFIX)/include",
  },
}
test = {
  type = "busted",
}
