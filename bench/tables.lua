-- lsqnet.fit on ordinary tables: held-out scores, intervals and seconds, beside scikit-learn where
-- it is there, on the same folds and the same encoded columns, one thread each.
-- Usage: lua5.4 bench/tables.lua [EFFORT [TABLE...]]; LSQNET_TABLES names the folder.

local lsqnet = require "lsqnet"

local FOLDS <const> = 5
local LARGE <const> = 5000 -- rows: one fold alone
local PYTHON <const> = os.getenv "PYTHON" or "/usr/bin/python3"

local TABLES <const> = {
  { "insurance.csv", "charges" }, { "mpg.csv", "mpg" }, { "penguins.csv", "body_mass_g" },
  { "student-mat.csv", "G3" }, { "air_quality.csv", "CO(GT)", missing = { -200 } },
  { "california.csv", "median_house_value" }, { "iris.csv", "species" },
  { "penguins.csv", "species" }, { "german.csv", 21 },
  { "titanic.csv", "survived", drop = "alive" },
}

local folder = os.getenv "LSQNET_TABLES" or (os.getenv "LSQNET_DATA" or "data") .. "/tables"
local effort, wanted = arg[1] or "fast", {}
for k = 2, #arg do wanted[arg[k]] = true end

local function peers_there()
  return os.execute(PYTHON .. " -c 'import sklearn' 2>/dev/null") == true
end

-- Rows that have a target, parted at random.
local function folds_of(tab, target)
  local values, rows = tab:column(target), {}
  for i = 1, tab.rows do
    local v = values:get(i, 1)
    if v - v == 0 then rows[#rows + 1] = i end
  end
  local order, folds = lsqnet.rng(100):permutation(#rows), {}
  for k = 1, FOLDS do
    folds[k] = { train = {}, test = {} }
    for i, place in ipairs(order) do
      local part = folds[k][i % FOLDS + 1 == k and "test" or "train"]
      part[#part + 1] = rows[place]
    end
  end
  if #rows > LARGE then folds = { folds[1] } end
  return folds
end

-- What a fold's peers read: encoded columns and targets, and the classes' numbers.
local function write_fold(encoder, train, test, stem)
  for name, part in pairs { train = train, test = test } do
    assert(assert(encoder:apply(part)):write_npy(("%s-%s-x.npy"):format(stem, name)))
    local Y, _, labels = encoder:targets(part)
    if labels then Y = lsqnet.matrix(labels) end
    assert(Y:write_npy(("%s-%s-y.npy"):format(stem, name)))
  end
end

local function coverage(model, test, target)
  local lower, upper = model:interval(test)
  local truth, inside = test:column(target), 0
  for i = 1, test.rows do
    local y = truth:get(i, 1)
    if lower:get(i, 1) <= y and y <= upper:get(i, 1) then inside = inside + 1 end
  end
  return inside / test.rows
end

local function run_peers(stem, classes)
  local pipe = assert(io.popen(("OMP_NUM_THREADS=1 %s bench/peers/tables.py '%s' %s"):format(
    PYTHON, stem, classes and "classes" or "numbers")))
  local result = {}
  for line in pipe:lines() do
    local name, score, seconds = line:match("^(%S+) (%S+) (%S+)$")
    if name then result[name] = { tonumber(score), tonumber(seconds) } end
  end
  pipe:close()
  return result
end

local function add(sums, name, score, seconds)
  sums[name] = sums[name] or { 0, 0, name }
  sums[name][1], sums[name][2] = sums[name][1] + score, sums[name][2] + seconds
end

local function measure(entry, with_peers, stem)
  local tab = assert(lsqnet.table.read_csv(folder .. "/" .. entry[1], { missing = entry.missing }))
  local target, sums, covered, classes = entry[2], {}, 0, false
  local folds = folds_of(tab, target)
  for _, fold in ipairs(folds) do
    local train, test = tab:take(fold.train), tab:take(fold.test)
    local started = os.clock()
    local model = assert(lsqnet.fit(train, { target = target, drop = entry.drop,
                                             effort = effort }))
    local seconds, score = os.clock() - started, assert(model:score(test))
    classes = model.classes ~= nil
    add(sums, "lsqnet", score.rmse or score.log_loss, seconds)
    if not classes then covered = covered + coverage(model, test, target) end
    if with_peers then
      write_fold(model.encoder, train, test, stem)
      for name, peer in pairs(run_peers(stem, classes)) do add(sums, name, peer[1], peer[2]) end
    end
  end
  local list = {}
  for _, sum in pairs(sums) do list[#list + 1] = sum end
  table.sort(list, function(a, b) return a[3] < b[3] end)
  local cells = {}
  for k, sum in ipairs(list) do
    cells[k] = ("%s %.4g (%.2f s)"):format(sum[3], sum[1] / #folds, sum[2] / #folds)
  end
  print(("%-12s %-18s %s%s"):format(entry[1]:gsub("%.csv$", ""), tostring(target),
    table.concat(cells, "  "),
    classes and "" or ("  90 %% intervals hold %.1f %%"):format(100 * covered / #folds)))
  io.stdout:flush()
end

local with_peers = peers_there()
if not with_peers then print "python3-sklearn is not there: no peers" end
print(("%s; RMSE, of classes log loss; processor seconds of a fold"):format(effort))
local stem = os.tmpname()
for _, entry in ipairs(TABLES) do
  if not next(wanted) or wanted[entry[1]:gsub("%.csv$", "")] then
    measure(entry, with_peers, stem)
  end
end
os.execute(("rm -f '%s' '%s'-*.npy"):format(stem, stem))
