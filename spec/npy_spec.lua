local lsqnet = require "lsqnet"
local tmp = require "tmp"
local matrix = lsqnet.matrix

local folder
setup(function() folder = tmp.folder() end)
teardown(function() tmp.remove(folder) end)

local function read(bytes)
  return matrix.read_npy(tmp.write(folder .. "/a.npy", bytes))
end

local function refusal(bytes)
  local m, message, code = read(bytes)
  assert.is_nil(m)
  assert.equal("bad_format", code)
  return (message:gsub("^.*/a%.npy", "a.npy"))
end

-- A file as NumPy lays it out, with the header and the data given.
local function npy(header, data, version)
  local length = (version or 1) == 1 and "<I2" or "<I4"
  return "\x93NUMPY" .. string.char(version or 1, 0) .. string.pack(length, #header)
    .. header .. data
end

local function header(type, shape, fortran)
  return ("{'descr': '%s', 'fortran_order': %s, 'shape': %s, }"):format(
    type, fortran and "True" or "False", shape)
end

describe("matrix.read_npy", function()
  it("reads every type in both byte orders", function()
    local cases = {
      { "f8", "d", { 1.5, -0.1, 1e300 } }, { "f4", "f", { 1.5, -0.25, 2.0 ^ 100 } },
      { "i1", "i1", { 1, -128, 127 } }, { "i2", "i2", { 1, -32768, 32767 } },
      { "i4", "i4", { 1, -2 ^ 31 | 0, 2 ^ 31 - 1 | 0 } },
      { "i8", "i8", { 1, math.mininteger, -5 } }, { "u1", "I1", { 0, 1, 255 } },
      { "u2", "I2", { 0, 1, 65535 } }, { "u4", "I4", { 0, 1, 2 ^ 32 - 1 | 0 } },
      { "u8", "I8", { 0, 1, -1 } }, { "b1", "I1", { 0, 1, 1 } } }
    for _, case in ipairs(cases) do
      local type, format, values = table.unpack(case)
      for order in ("<>|"):gmatch "." do
        if order ~= "|" or format:sub(-1) == "1" then
          local layout = (order == ">" and ">" or "<") .. format:rep(3)
          local data = string.pack(layout, table.unpack(values))
          local m = assert(read(npy(header(order .. type, "(3, 1)"), data)))
          for i, value in ipairs(values) do
            if type == "u8" and value == -1 then value = 2.0 ^ 64 end
            assert.equal(value + 0.0, m:get(i, 1), order .. type)
          end
        end
      end
    end
  end)

  it("reads row by row and column by column", function()
    local data = string.pack("<dddddd", 1, 2, 3, 4, 5, 6)
    assert.same({ { 1, 2, 3 }, { 4, 5, 6 } }, read(npy(header("<f8", "(2, 3)"), data)):totable())
    assert.same({ { 1, 3, 5 }, { 2, 4, 6 } },
      read(npy(header("<f8", "(2, 3)", true), data)):totable())
  end)

  it("reads one axis as a column, none as one element, and empty arrays", function()
    local function shape(text, count)
      local m = assert(read(npy(header("<f8", text), string.pack("<d", 7):rep(count))))
      return { m.rows, m.cols }
    end
    assert.same({ 3, 1 }, shape("(3,)", 3))
    assert.same({ 1, 1 }, shape("()", 1))
    assert.same({ 0, 5 }, shape("(0, 5)", 0))
    assert.same({ 5, 0 }, shape("(5, 0)", 0))
    assert.same({ 0, 1 }, shape("(0,)", 0))
  end)

  it("reads versions 1, 2 and 3, and entries in any order", function()
    for version = 1, 3 do
      local text = '{"shape":(1,2),"descr":"<f8","fortran_order":False}  \n'
      assert.same({ { 1, 2 } }, read(npy(text, string.pack("<dd", 1, 2), version)):totable())
    end
  end)

  it("refuses what is no matrix, by name", function()
    local types = "(f4, f8, i1 to i8, u1 to u8 and b1 are)"
    for _, type in ipairs { "<c16", "<f2", "<U5", "|O", "=f8", "f8", "<f88", "<i3", "|f8" } do
      assert.equal(("a.npy: dtype '%s' is not supported %s"):format(type, types),
        refusal(npy(header(type, "(1,)"), ("\0"):rep(16))))
    end
    assert.equal("a.npy: records (structured dtypes) are not supported",
      refusal(npy("{'descr': [('a', '<f8')], 'fortran_order': False, 'shape': (1,), }",
        ("\0"):rep(8))))
    assert.equal("a.npy: the array has 3 axes, a matrix has 2",
      refusal(npy(header("<f8", "(1, 1, 1)"), ("\0"):rep(8))))
  end)

  it("refuses a header that is wrong", function()
    local data = ("\0"):rep(8)
    assert.equal("a.npy: not a .npy file", refusal(""))
    assert.equal("a.npy: not a .npy file", refusal("\x93NUMPX\1\0  "))
    assert.equal("a.npy: version 4.0 of the .npy format is not known", refusal(npy("{}", "", 4)))
    assert.equal("a.npy: the file ends within its header", refusal("\x93NUMPY\1\0\xff\xff{}"))
    assert.equal("a.npy: the file ends within its header",
      refusal("\x93NUMPY\2\0\xff\xff\xff\xff{}"))
    assert.equal("a.npy: the header is no dictionary", refusal(npy("[]", data)))
    assert.equal("a.npy: the header cannot be read", refusal(npy("{'descr' '<f8'}", data)))
    assert.equal("a.npy: the header's 'descr' cannot be read", refusal(npy("{'descr': 8}", data)))
    assert.equal("a.npy: the header's 'fortran_order' is neither True nor False",
      refusal(npy("{'fortran_order': 0}", data)))
    for _, shape in ipairs { "(1", "1", "(1 1)", "(-1,)", "(1.0,)", "(,)", "(1)" } do
      assert.equal("a.npy: the header's 'shape' cannot be read",
        refusal(npy(header("<f8", shape), data)))
    end
    assert.equal("a.npy: the header has an unknown entry", refusal(npy("{'x': 1}", data)))
    assert.equal("a.npy: the header has an entry twice",
      refusal(npy("{'descr': '<f8', 'descr': '<f8'}", data)))
    assert.equal("a.npy: the header lacks 'descr', 'fortran_order' or 'shape'",
      refusal(npy("{'descr': '<f8'}", data)))
    assert.equal("a.npy: text behind the header's dictionary",
      refusal(npy(header("<f8", "(1,)") .. "x", data)))
  end)

  it("refuses data of another size than the shape says", function()
    local text = header("<f8", "(2, 3)")
    assert.equal("a.npy: 48 bytes of data expected, got 47", refusal(npy(text, ("\0"):rep(47))))
    assert.equal("a.npy: 48 bytes of data expected, got 49", refusal(npy(text, ("\0"):rep(49))))
    assert.matches("^a%.npy: %d+ bytes of data expected, got 0$",
      refusal(npy(header("<f8", "(1152921504606846975, 1152921504606846975)"), "")))
    assert.equal("a.npy: the array is too large for this machine",
      refusal(npy(header("<f8", "(99999999999999999999999, 0)"), "")))
  end)

  it("tells files that are missing", function()
    local m, message, code = matrix.read_npy(folder .. "/none.npy")
    assert.is_nil(m)
    assert.equal(("cannot read '%s/none.npy': No such file or directory"):format(folder), message)
    assert.equal("no_file", code)
  end)
end)

describe("matrix:write_npy", function()
  it("writes what NumPy writes", function()
    local path = folder .. "/w.npy"
    assert.is_true(matrix({ { 1, 2, 3 }, { 4, 5, 6 } }):write_npy(path))
    -- numpy.save(path, numpy.arange(1., 7.).reshape(2, 3)), NumPy 1.24
    local text = "{'descr': '<f8', 'fortran_order': False, 'shape': (2, 3), }"
    local expected = "\x93NUMPY\1\0v\0" .. text .. (" "):rep(117 - #text) .. "\n"
    assert.equal(128, #expected)
    assert.equal(expected .. string.pack("<dddddd", 1, 2, 3, 4, 5, 6), tmp.read(path))
  end)

  it("round trips bits, views and empty shapes", function()
    local path = folder .. "/w.npy"
    local m = matrix { { 0.1, -0.0, 5e-324 }, { math.huge, -math.huge, 1 / 3 }, { 7, 8, 9 } }
    local views = { m, m:slice(2, 3, 2, 3), m:slice(1, 3, 1, 1), matrix(0, 4), matrix(3, 0) }
    for _, view in ipairs(views) do
      assert.is_true(view:write_npy(path))
      local back = matrix.read_npy(path)
      assert.equal(view.rows, back.rows)
      assert.equal(view.cols, back.cols)
      assert.is_true(back == view)
      assert.equal(0, (#tmp.read(path) - 8 * view.rows * view.cols) % 64)
    end
    matrix { 0 / 0, -0.0 }:write_npy(path)
    local back = matrix.read_npy(path)
    assert.are_not.equal(back:get(1, 1), back:get(1, 1))
    assert.equal(-math.huge, 1 / back:get(2, 1))
  end)
end)

describe("a .npy file", function()
  it("cut or changed anywhere is refused or read, never more", function()
    local path = folder .. "/w.npy"
    matrix { { 1, 2 }, { 3, 4 } }:write_npy(path)
    local bytes = tmp.read(path)
    for length = 0, #bytes - 1 do refusal(bytes:sub(1, length)) end
    local random = lsqnet.rng(2)
    for _ = 1, 1500 do
      local at, byte = random:integer(128), string.char(random:integer(256) - 1)
      local m, message, code = read(bytes:sub(1, at - 1) .. byte .. bytes:sub(at + 1))
      assert.is_true(m ~= nil or (type(message) == "string" and code == "bad_format"))
    end
  end)
end)
