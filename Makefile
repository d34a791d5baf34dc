# Interim; see DESIGN.
BUILD ?= build
CC ?= gcc
LUA_INCDIR ?= /usr/include/lua5.4
WARN = -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes
CFLAGS ?= -O2 -g
ALL_CFLAGS = -std=c11 -D_POSIX_C_SOURCE=200809L $(WARN) -fPIC -fvisibility=hidden -fopenmp -ffp-contract=fast -Icsrc -I$(LUA_INCDIR) $(CFLAGS)
SRC := $(wildcard csrc/*/*.c)
OBJ := $(SRC:%.c=$(BUILD)/%.o)
build: $(BUILD)/lsqnet/core.so
$(BUILD)/lsqnet/core.so: $(OBJ)
	@mkdir -p $(@D)
	$(CC) -shared -Wl,-z,nodelete -fopenmp $(LDFLAGS) -o $@ $^ -llapack -lblas -lm
$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<
-include $(OBJ:.o=.d)
