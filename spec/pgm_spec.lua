local lsqnet = require "lsqnet"
local tmp = require "tmp"
local matrix = lsqnet.matrix

local folder
setup(function() folder = tmp.folder() end)
teardown(function() tmp.remove(folder) end)

local function read(bytes)
  return matrix.read_pgm(tmp.write(folder .. "/a.pgm", bytes))
end

local function refusal(bytes)
  local m, message, code = read(bytes)
  assert.is_nil(m)
  assert.equal("bad_format", code)
  return (message:gsub("^.*/a%.pgm", "a.pgm"))
end

describe("matrix.read_pgm", function()
  it("reads binary images of 8 and 16 bits", function()
    assert.same({ { 0, 10, 255 }, { 1, 2, 3 } }, read("P5\n3 2\n255\n\0\10\255\1\2\3"):totable())
    assert.same({ { 1, 256, 1000 } }, read("P5 3 1 1000 \0\1\1\0\3\232"):totable())
    assert.same({ { 1, 0 } }, read("P5 2 1 1\n\1\0"):totable())
  end)

  it("reads plain images", function()
    assert.same({ { 0, 10, 255 }, { 1, 2, 3 } }, read("P2\n3 2\n255\n0 10 255\n1\t2 3"):totable())
    assert.same({ { 65535 } }, read("P2 1 1 65535\n65535\n"):totable())
  end)

  it("skips comments", function()
    assert.same({ { 7, 8 } }, read("P5 # a\n#b 9 9\n2#c\n1\n#d\n255\n\7\8"):totable())
    assert.same({ { 7, 8 } }, read("P2# a\n2 1 255 #c\n7 # x\n8"):totable())
  end)

  it("takes line ends behind the image", function()
    assert.same({ { 7 } }, read("P5 1 1 255\n\7\n"):totable())
  end)

  it("refuses what is wrong", function()
    assert.equal("a.pgm: not a PGM file (P5 or P2)", refusal "")
    assert.equal("a.pgm: not a PGM file (P5 or P2)", refusal "P6 1 1 255 abc")
    assert.equal("a.pgm: not a PGM file (P5 or P2)", refusal "P51 1 255 a")
    assert.equal("a.pgm: the header lacks a number", refusal "P5 2 x 255 a")
    assert.equal("a.pgm: the header lacks a number", refusal "P5 2 -1 255 a")
    assert.equal("a.pgm: an image without pixels", refusal "P5 0 1 255 ")
    assert.equal("a.pgm: the largest value must be 1 to 65535", refusal "P5 1 1 0 a")
    assert.equal("a.pgm: the largest value must be 1 to 65535", refusal "P5 1 1 65536 a")
    assert.equal("a.pgm: no blank after the header", refusal "P5 1 1 255")
    assert.equal("a.pgm: no blank after the header", refusal "P5 1 1 255x")
    assert.equal("a.pgm: 4 bytes of pixels expected, got 3", refusal "P5 2 2 255 abc")
    assert.equal("a.pgm: 8 bytes of pixels expected, got 3", refusal "P5 2 2 256 abc")
    assert.equal("a.pgm: 7 bytes of pixels expected, got 5", refusal "P2 2 2 255\n1 2 3")
    assert.equal("a.pgm: row 1, column 2: 9 is above the largest value 8", refusal "P5 2 1 8\n\8\9")
    assert.equal("a.pgm: row 2, column 1: a number expected", refusal "P2 1 2 255\n12 x")
    assert.equal("a.pgm: 3 bytes behind the image", refusal "P5 1 1 255\n\7\nP5 ")
    assert.matches("^a%.pgm: %d+ bytes of pixels expected, got 1$",
      refusal "P5 99999999999999999999 99999999999999999999 255\na")
  end)

  it("tells files that are missing", function()
    local m, message, code = matrix.read_pgm(folder .. "/none.pgm")
    assert.is_nil(m)
    assert.equal(("cannot read '%s/none.pgm': No such file or directory"):format(folder), message)
    assert.equal("no_file", code)
  end)
end)

describe("matrix:write_pgm", function()
  it("rounds and writes views by their strides", function()
    local path = folder .. "/w.pgm"
    local m = matrix { { 0, 0.4, 0.6 }, { -0.4, 254.5, 255.4 }, { 7, 8, 9 } }
    assert.is_true(m:write_pgm(path))
    assert.equal("P5\n3 3\n255\n\0\0\1\0\255\255\7\8\9", tmp.read(path))
    assert.is_true(m:slice(2, 3, 2, 3):write_pgm(path))
    assert.same({ { 255, 255 }, { 8, 9 } }, matrix.read_pgm(path):totable())
  end)

  it("refuses what is no grey value, and leaves the file alone", function()
    local path = tmp.write(folder .. "/old.pgm", "old")
    local function failure(m)
      local saved, message, code = m:write_pgm(path)
      assert.is_nil(saved)
      assert.equal("bad_format", code)
      assert.equal("old", tmp.read(path))
      return message
    end
    assert.equal("row 1, column 2: 255.5 is no grey value (0 to 255)",
      failure(matrix { { 1, 255.5 } }))
    assert.equal("row 2, column 1: -1 is no grey value (0 to 255)", failure(matrix { 1, -1 }))
    assert.matches("^row 1, column 1: %-?nan is no grey value", failure(matrix { 0 / 0 }))
    assert.equal("an image needs at least one row and one column", failure(matrix(0, 3)))
  end)
end)

describe("a PGM file", function()
  it("cut or changed anywhere is refused or read, never more", function()
    local header = "\n# c\n3 2\n255\n"
    for _, bytes in ipairs { "P5" .. header .. "abcdef", "P2" .. header .. "10 20 30\n40 50 60" } do
      for length = 0, #bytes - 1 do
        local m, message, code = read(bytes:sub(1, length))
        assert.is_true(m ~= nil or (type(message) == "string" and code == "bad_format"))
      end
      local random = lsqnet.rng(4)
      for _ = 1, 1500 do
        local at, byte = random:integer(#bytes), string.char(random:integer(256) - 1)
        local m, message, code = read(bytes:sub(1, at - 1) .. byte .. bytes:sub(at + 1))
        assert.is_true(m ~= nil or (type(message) == "string" and code == "bad_format"))
      end
    end
  end)
end)
