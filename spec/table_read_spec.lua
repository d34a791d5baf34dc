local lsqnet = require "lsqnet"
local tmp = require "tmp"

local folder
setup(function() folder = tmp.folder() end)
teardown(function() tmp.remove(folder) end)

local function read(text, options)
  return lsqnet.table.read_csv(tmp.write(folder .. "/data.csv", text), options)
end

-- The rows of a table as a person writes them, the names first; "" where a value is missing.
local function shown(tab)
  local lines = { table.concat(tab.names, "|") }
  for i = 1, tab.rows do
    local row = {}
    for k = 1, #tab.names do
      local value = tab:value(i, k)
      row[k] = value == nil and "" or type(value) == "number" and ("%.14g"):format(value) or value
    end
    lines[i + 1] = table.concat(row, "|")
  end
  return lines
end

local function rows(text, options)
  return shown(assert(read(text, options)))
end

local function types(tab)
  local list = {}
  for k = 1, #tab.names do list[k] = tab:type(k) end
  return table.concat(list, " ")
end

local function refusal(text, options)
  local tab, message, code = read(text, options)
  assert.is_nil(tab)
  assert.equal("bad_format", code)
  return (message:gsub("%S*/data%.csv", "data.csv"))
end

local PEOPLE = "age,sex,born\n31,male,1990-02-01\n,female,1985-11-30\n18,male,\n"
local SHOWN = { "age|sex|born", "31|male|1990-02-01", "|female|1985-11-30", "18|male|" }

local function utf16(text, little)
  local units = {}
  for _, point in utf8.codes(text) do
    local format = little and "<I2" or ">I2"
    if point > 0xffff then
      point = point - 0x10000
      units[#units + 1] = format:pack(0xd800 + (point >> 10))
      point = 0xdc00 + (point & 0x3ff)
    end
    units[#units + 1] = format:pack(point)
  end
  return (little and "\xff\xfe" or "\xfe\xff") .. table.concat(units)
end

describe("table.read_csv: bytes", function()
  it("takes every line end, and none at the end", function()
    assert.same(SHOWN, rows(PEOPLE))
    assert.same(SHOWN, rows((PEOPLE:gsub("\n", "\r\n"))))
    assert.same(SHOWN, rows((PEOPLE:gsub("\n", "\r"))))
    assert.same(SHOWN, rows((PEOPLE:gsub("\n$", ""))))
    assert.same(SHOWN, rows("\n\n" .. PEOPLE:gsub("\n", "\n  \n")))
  end)

  it("takes a byte order mark, and UTF-16 by its own", function()
    assert.same(SHOWN, rows("\xef\xbb\xbf" .. PEOPLE))
    local text = "n\u{e9},x\n\u{1f40e}\u{20ac},1\n"
    local wanted = { "n\u{e9}|x", "\u{1f40e}\u{20ac}|1" }
    for _, little in ipairs { true, false } do
      local tab = assert(read(utf16(text, little)))
      assert.same(wanted, shown(tab))
      assert.truthy(table.concat(tab.notes, "\n"):find("read as UTF-16", 1, true))
    end
    assert.same({ "a|x", "\u{fffd}b|1" }, rows(utf16("a,x\n", true) .. "\x00\xd8b\0,\0001\0\n\0"))
  end)

  it("takes Latin-1 where UTF-8 is broken, and says so", function()
    for _, broken in ipairs { "\xe9", "\xc0\xaf", "\xed\xa0\x80", "\xf5\x80\x80", "\xe2\x82" } do
      local tab = assert(read("a,x\n" .. broken .. ",1\n"))
      local latin = {}
      for k = 1, #broken do latin[k] = utf8.char(broken:byte(k)) end
      assert.same({ "a|x", table.concat(latin) .. "|1" }, shown(tab))
      assert.truthy(table.concat(tab.notes, "\n"):find("Latin-1, for it is not UTF-8", 1, true))
    end
    local whole = "\u{e9}\u{7ff}\u{800}\u{ffff}\u{10000}\u{10ffff}"
    assert.same({ "a|x", whole .. "|1" }, rows("a,x\n" .. whole .. ",1\n"))
  end)

  it("takes quotes with separators, line breaks and doubled quotes inside", function()
    local text = 'rooms,"area\n(m2)",price\n"a ""b"", c",1,2\n"x\ny",3,4\n" a ""b"", c ",5,6\n'
    assert.same({ "rooms|area\n(m2)|price", 'a "b", c|1|2', "x\ny|3|4", 'a "b", c|5|6' },
                rows(text))
    assert.same({ 'a "b", c', "x\ny" }, read(text):levels(1))
    assert.same({ "a|b", "1|2", "|4" }, rows 'a,b\n"1"," 2 "\n"",4\n')
  end)

  it("leaves out a line sep=, comments, empty columns at the end and rows of separators", function()
    local text = "sep=;\nage;sex;;\n31;male;;\n;;;\n18;female;;\n;;;\n"
    local tab = assert(read(text))
    assert.same({ "age|sex", "31|male", "18|female" }, shown(tab))
    local notes = table.concat(tab.notes, "\n")
    assert.truthy(notes:find("2 empty columns at the end are left out", 1, true))
    assert.truthy(notes:find("2 rows of separators alone are left out", 1, true))
    assert.same({ "a|b", "1|2", "3|4" }, rows "# made by hand\na,b\n1,2\n# and more\n3,4\n")
    assert.same({ "a|b", "#1|2", "x|4" }, rows "a,b\n#1,2\nx,4\n")
    assert.same({ "a|b", "1|2" }, rows("a,b\n%no\n1,2\n", { comment = "%" }))
    assert.same({ "a|b", "1|2", "3|4" }, rows "a,b\n1,2,\n3,4,\n")
    assert.same({ "a|b", "1|2", "3|4" }, rows "a,b,\n1,2\n3,4\n")
  end)

  it("reads gzip and the standard input", function()
    local path = tmp.write(folder .. "/it's.csv", PEOPLE)
    assert(os.execute("gzip -c " .. tmp.quoted(path) .. " >" .. tmp.quoted(path .. ".gz")))
    assert.same(SHOWN, shown(assert(lsqnet.table.read_csv(path .. ".gz"))))
    local _, message, code = lsqnet.table.read_csv(tmp.write(folder .. "/bad.csv.gz", PEOPLE))
    assert.same({ ("cannot read '%s/bad.csv.gz': gzip cannot decompress it"):format(folder),
                  "bad_format" }, { message, code })
    _, message, code = lsqnet.table.read_csv(folder .. "/none.csv.gz")
    assert.same({ ("cannot read '%s/none.csv.gz': No such file or directory"):format(folder),
                  "no_file" }, { message, code })
    local input = io.stdin
    rawset(io, "stdin", assert(io.open(path)))
    local tab = lsqnet.table.read_csv("-")
    io.stdin:close()
    rawset(io, "stdin", input)
    assert.same(SHOWN, shown(tab))
  end)

  it("refuses what is no text, and nothing", function()
    assert.equal("data.csv:2: a zero byte; this is not a text file", refusal "1,2\n3,\0\n")
    for _, text in ipairs { "", "\n", "\xef\xbb\xbf", "# only\n", "sep=;\n" } do
      assert.equal("data.csv: the file is empty", refusal(text))
    end
    assert.equal("data.csv: there is nothing but separators", refusal ",,\n,,\n")
    assert.equal("data.csv:2: column 2: the quote is never closed", refusal 'a,b\n1,"2\n3,4\n')
    local _, message, code = lsqnet.table.read_csv(folder .. "/none.csv")
    assert.equal(("cannot read '%s/none.csv': No such file or directory"):format(folder), message)
    assert.equal("no_file", code)
  end)
end)

describe("table.read_csv: separators and decimals", function()
  it("finds each separator", function()
    for _, separator in ipairs { ",", ";", "\t", "|", " ", "  " } do
      assert.same(SHOWN, rows((PEOPLE:gsub(",", separator == " " and "," or separator)
        :gsub("  +", separator == "  " and "," or "%0"))))
    end
    assert.same({ "a|b", "1|2", "3|4" }, rows "a b\n1   2\n 3 4 \n")
    assert.same({ "a", "1", "3" }, rows "a\n1\n3\n")
  end)

  it("takes that by which every line has as many fields, and tabs, ;, | before commas", function()
    -- three fields by commas and two by semicolons in each line but the first
    assert.same({ "a|b", "1.5|2.5", "3.5|4" }, rows "a;b\n1,5;2,5\n3,5;4,0\n")
    assert.same({ "column 1|column 2", "1.5|2.5", "3.5|4.5" }, rows "1,5;2,5\n3,5;4,5\n")
    assert.same({ "a,b|c", "x,y|1", "z,w|2" }, rows "a,b;c\nx,y;1\nz,w;2\n")
    assert.same({ "a;b", "1;2" }, rows("a;b\n1;2\n", { separator = ",", header = true }))
  end)

  it("takes commas for decimals where a column is numbers only so", function()
    local text = "a;b;c\n1,5;2;x\n-,5;3;y\n1e3;4;z\n"
    assert.same({ "a|b|c", "1.5|2|x", "-0.5|3|y", "1000|4|z" }, rows(text))
    assert.equal("number number category", types(read(text)))
    -- and not where another is numbers only with points
    assert.equal("category number", types(read "a;b\n1,5;2.5\n3,5;4\n7,5;6\n"))
    assert.equal("category number", types(read("a;b\n1,5;2\n3,5;4\n", { decimal = "." })))
    -- 50 lines say nothing
    local lines = { "a;b" }
    for k = 1, 80 do lines[k + 1] = k .. ";" .. k end
    assert.equal("number number", types(read(table.concat(lines, "\n") .. "\n1,25;7\n")))
    -- a point is no decimal then: nothing is read as another number
    assert.equal("category number", types(read("a;b\n1.500;1,5\n2.500;2,5\n", { decimal = "," })))
  end)

  it("takes thousands where they are given", function()
    assert.same({ "a|b", "1234567.5|1", "12|2" },
                rows('a,b\n"1,234,567.5",1\n12,2\n', { thousands = "," }))
    assert.same({ "a|b", "1234.5|1" }, rows("a;b\n1.234,5;1\n", { thousands = ".", decimal = "," }))
    for _, text in ipairs { "1,23", "12,3456", ",123", "1,234,", "1.5,000" } do
      assert.equal("category number",
                   types(read(('a,b\n"%s",1\n'):format(text), { thousands = "," })), text)
    end
  end)
end)

describe("table.read_csv: the first line", function()
  local function header(text, options) return assert(read(text, options)).header end

  it("is names where none of its fields is a number, above one", function()
    assert.is_true(header "a,b\n1,x\n")
    assert.same({ "", "x" }, read(",x\n0,1\n1,5\n").names)
    assert.is_false(header "x,NA\ny,2\nx,3\n") -- a missing value, not a name
  end)

  it("is names where it counts", function()
    assert.same({ "0", "1", "2" }, read("0,1,2\n5,6,7\n8,9,1\n").names)
    assert.same({ "", "1", "2" }, read(",1,2\n5,6,7\n8,9,1\n").names)
    assert.is_false(header "0,2,1\n5,6,7\n")
    -- two numbers may well be a row
    assert.is_false(header "1,2\n2,4\n3,6\n")
    assert.is_true(header "0,1\n2.5,4.5\n3,6.5\n")
    assert.is_false(header "2,3,4\n5,6,7\n")
  end)

  it("is names where a text stands above numbers", function()
    local tab = read "5,10,20,40,yield\n1,2,3,4,5\n6,7,8,9,10\n"
    assert.same({ "5", "10", "20", "40", "yield" }, tab.names)
    assert.same({ "the first line holds names: text above columns of numbers" }, tab.notes)
  end)

  it("is data where texts stand above texts and numbers above numbers", function()
    local tab = read "7,9,red,2,90\n2,7,red,2,70\n3,4,red,8,40\n5,1,red,6,10\n"
    assert.equal(4, tab.rows)
    assert.same({ "the first line is data: its fields are of the kinds below" }, tab.notes)
    assert.equal(3, read("1,3\n3,4\n5,6\n").rows)
  end)

  it("is names above texts where they are distinct and never repeated", function()
    assert.is_true(header "name,town\nAnn,Bern\nBob,Rom\n")
    assert.is_false(header "Ann,Bern\nBob,Rom\nAnn,Paris\n")
    assert.is_false(header "Ann,Ann\nBob,Rom\n")
  end)

  it("is as told, or by the names that are expected", function()
    assert.is_true(header("1,2\n3,4\n", { header = true }))
    assert.is_false(header("a,b\n3,4\n5,6\n", { header = false,
                                                 types = { "category", "category" } }))
    assert.is_true(header("5,7\n3,4\n", { expected = { "7", "5", "9" } }))
    assert.is_false(header("a,b\nc,d\n", { expected = { "x", "y" } }))
  end)

  it("may have one field less: the first column holds names of rows", function()
    assert.same({ "|a|b", "x|1|2", "y|3|4", "z|5|6" }, rows "a,b\nx,1,2\ny,3,4\nz,5,6\n")
  end)
end)

describe("table.read_csv: types", function()
  it("are by all rows", function()
    local lines = {}
    for k = 1, 200 do lines[k] = ("%d,%s"):format(k, k > 150 and "red" or "7") end
    assert.equal("number category", types(read("a,b\n" .. table.concat(lines, "\n"))))
  end)

  it("know missing values", function()
    local words = { "", "NA", "N/A", "NaN", "nan", "null", "NULL", "None", "?", "-", ".", " NA ",
                    '"NA"', '""' }
    local tab = read("a,b\n" .. table.concat(words, ",x\n") .. ",x\n1,y\n")
    assert.equal("number category", types(tab))
    assert.equal(#words, tab:missing "a")
    assert.equal(0, tab:missing "b")
    tab = read("a,b\n-200,x\n\"-200.0\",none\n1,y\n2,y\n", { missing = { "-200", "none" } })
    assert.same({ "a|b", "|x", "|", "1|y", "2|y" }, shown(tab))
    assert.equal(2, read("a;b\n-200,0;1\n-200;2\n,5;3\n", { missing = { -200 } }):missing "a")
  end)

  it("are dates and times of day", function()
    local tab = read("d,t,u,s\n1970-01-02,18:00,18.00.00,2000-02-29T06:00:00Z\n"
                     .. "1969-12-31,06:00:30,06.30.00,2000-03-01 00:00:00+06:00\n"
                     .. "2024/2/29,,NA,1900-03-01\n")
    assert.equal("date time time date", types(tab))
    assert.same({ { 1 }, { -1 }, { 19782 } }, tab:column("d"):totable())
    assert.equal(18, tab:column("t"):get(1, 1))
    assert.equal(6 + 30 / 3600, tab:column("t"):get(2, 1))
    assert.equal(6.5, tab:column("u"):get(2, 1))
    assert.equal(11016.25, tab:column("s"):get(1, 1))
    assert.equal(11016.75, tab:column("s"):get(2, 1))
    assert.equal(-25508, tab:column("s"):get(3, 1))
    assert.equal("2000-02-29T18:00:00", tab:value(2, "s"))
    for _, text in ipairs { "2023-02-29", "2023-13-01", "2023-04-31", "1900-02-29", "24:00",
                            "12:60", "2023-01-01x", "2023-01-01T25:00" } do
      assert.equal("category", read("a,n\n" .. text .. ",1\n"):type "a", text)
    end
  end)

  it("are dates by the one order that fits all rows", function()
    local text = "d,n\n01/02/2020,1\n%s,2\n"
    assert.equal(18293, read(text:format "13/02/2020"):column("d"):get(1, 1))
    assert.equal(18263, read(text:format "01/13/2020"):column("d"):get(1, 1))
    local both = text:format "03.02.2020"
    assert.equal(18293, read(both, { date_order = "dmy" }):column(1):get(1, 1))
    assert.equal(18263, read(both, { date_order = "mdy" }):column(1):get(1, 1))
    assert.equal("category", read(text:format "31/31/2020"):type "d")
  end)

  it("are as told", function()
    local tab = read("zip,year,d,x\n01234,2019,2020-01-01,u\n1234.0,2020,2020-01-02,v\n",
                     { types = { zip = "category", [2] = "category", d = "category", x = "skip" } })
    assert.equal("category category category", types(tab))
    assert.same({ "1234" }, tab:levels "zip")
    assert.same({ "2019", "2020" }, tab:levels "year")
    assert.same({ "zip", "year", "d" }, tab.names)
    assert.equal("number", read("a,b\nNA,1\n,2\n", { types = { a = "number" } }):type "a")
  end)

  it("are of the columns that are wanted alone", function()
    local text = "a,b,c\n1,2,x\n3,oops,y\n" .. ("5,6,z\n"):rep(30)
    assert.same({ "c", "a" }, read(text, { columns = { "c", 1 } }).names)
    assert.same({ "a" }, read(text, { columns = "a" }).names)
    assert.truthy(refusal(text, { columns = "1-2" }):find "oops")
    assert.equal("data.csv: no column is named 'qqq'", refusal(text, { columns = { "qqq" } }))
    assert.equal("data.csv: types: no column is named 'qqq'",
                 refusal(text, { types = { qqq = "skip" } }))
  end)

  it("with many levels are the same", function()
    local lines, wanted = { "name,x" }, {}
    for k = 1, 3000 do
      lines[k + 1] = ("n%d,%d"):format(k * 7 % 3001, k)
      wanted[k] = "n" .. k
    end
    table.sort(wanted)
    local tab = read(table.concat(lines, "\n"))
    assert.equal("category", tab:type "name")
    assert.same(wanted, tab:levels "name")
    for k = 1, 3000, 97 do assert.equal(("n%d"):format(k * 7 % 3001), tab:value(k, 1)) end
  end)
end)

describe("table.read_csv: problems", function()
  it("are told at once, with a command line that works", function()
    local lines = { "a,b,c,d" }
    for k = 1, 100 do lines[k + 1] = ("%d,%d,%d/%d/2020,%d"):format(k, k, k % 12 + 1, 2, k) end
    lines[5] = "x,4,1/2/2020,1"
    lines[9] = "'y z',oh,1/2/2020,1"
    lines[11] = "x,9,1/2/2020,1"
    local message = refusal(table.concat(lines, "\n"))
    assert.equal(table.concat({
      "data.csv: column 1 (a): 3 of 100 fields are no numbers: 'x' (line 5), ''y z'' (line 9), "
        .. "'x' (line 11)",
      "data.csv: column 2 (b): 1 of 100 fields is no number: 'oh' (line 9)",
      "data.csv: column 3 (c): dates with the day or the month first, such as '2/2/2020' (line 2): "
        .. "--date-order dmy|mdy says which",
      "this would work: lsqnet fit data.csv --missing 'x,'\\''y z'\\'',oh' --date-order dmy",
    }, "\n"), message)
    local tab = assert(read(table.concat(lines, "\n"),
                            { missing = { "x", "'y z'", "oh" }, date_order = "dmy" }))
    assert.equal("number number date number", types(tab))
    assert.equal(3, tab:missing "a")
  end)

  it("count texts up to 5 %, and more are levels", function()
    local function with(texts, total)
      local lines = {}
      for k = 1, total do lines[k] = (k <= texts and "t" .. k or k) .. ",1" end
      return "a,b\n" .. table.concat(lines, "\n")
    end
    assert.equal("category number", types(read(with(6, 100))))
    assert.truthy(refusal(with(5, 100)):find("5 of 100 fields are no numbers: 't1' (line 2), "
      .. "'t2' (line 3), 't3' (line 4), ...\nthis would work: lsqnet fit data.csv --missing "
      .. "t1,t2,t3,t4,t5", 1, true))
    -- too many different ones for a list of missing values
    assert.truthy(refusal(with(6, 200)):find("--types a=category", 1, true))
    assert.truthy(refusal(with(3, 4), { types = { a = "number" } }):find "3 of 4 fields")
    assert.equal("category number", types(read(with(1, 100), { types = { a = "category" } })))
  end)

  it("are rows of another length", function()
    assert.equal("data.csv: 4 of 5 rows have not 2 fields: line 3 has 3, line 4 has 1, "
      .. "line 5: text after the closing quote, ...",
      refusal('a,b\n1,2\n1,2,3\n4\n"5"x,6\n7,8,9\n', { separator = "," }))
  end)

  it("can be marked instead", function()
    local tab = assert(read("a,d,c\n1,2020-01-01,x\n"
      .. "oops,2020-01-02,y\n3,soon,z\n4,2020-01-04\n5,,x\n",
      { mark = true, types = { a = "number", d = "iso" } }))
    assert.same({ [2] = "a: no number", [3] = "d: no date", [4] = "2 fields, not 3" }, tab.bad)
    assert.same({ "a|d|c", "1|2020-01-01|x", "|2020-01-02|y", "3||z", "||", "5||x" }, shown(tab))
  end)

  it("of options raise", function()
    local function raises(message, options)
      assert.error_matches(function() return read("a,b\n1,2\n", options) end, message, nil, true)
    end
    raises("unknown option 'seperator' (did you mean 'separator'?)", { seperator = ";" })
    raises("option 'separator': one character, tab or space expected, got ';;'",
           { separator = ";;" })
    raises("option 'decimal': '.' or ',' expected, got 'x'", { decimal = "x" })
    raises("option 'decimal': it is another character too", { decimal = ",", separator = "," })
    raises("option 'types': 'number', 'category', 'date' or 'skip' expected for 'a', got 'text'",
           { types = { a = "text" } })
  end)
end)
