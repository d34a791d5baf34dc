local lsqnet = require "lsqnet"
local tmp = require "tmp"

local matrix = lsqnet.matrix

-- ANMIN beyond memory: conjugate gradients, damped steps, sparse connections, streams.

local function data(n, d, c, seed)
  local rng = lsqnet.rng(seed)
  local X, E = matrix.randn(n, d, rng), matrix.randn(n, c, rng)
  return X, (X * matrix.randn(d, c, rng)):map(math.sin) + E * 0.1
end

local function fresh(d, h, c, options)
  local settings = { layers = { d, h, c }, init = "normal", seed = 5 }
  for name, value in pairs(options or {}) do settings[name] = value end
  return lsqnet.network(settings)
end

local function relative(a, b)
  return (a - b):norm() / b:norm()
end

local function refused(pattern, net, X, Y, options)
  local ok, message = pcall(lsqnet.anmin, net, X, Y, options)
  assert.is_false(ok)
  assert.matches(pattern, message)
end

-- |K a - c| / |c| of the net's hidden layer, the pattern and output layer those of `before`.
local function naive_residual(net, before, X, Y, lambda, alpha)
  local ones = matrix(X.rows, 1, 1):hcat(X)
  local A = net:bias(1):vcat(net:weight(1))
  local old = before:bias(1):vcat(before:weight(1))
  local B, b0 = before:weight(2), before:bias(2)
  local G = (ones * old):map(function(z) return z > 0 and 1 or alpha end)
  local image = ones:t() * (((ones * A):mul(G) * (B * B:t())):mul(G)) * (1 / X.rows) + A * lambda
  local right = ones:t() * (((Y - b0) * B:t()):mul(G)) * (1 / X.rows)
  return (image - right):norm() / right:norm()
end

local TIGHT = { solver = "cg", cg_tolerance = 1e-11, cg_iterations = 100000 }

local function options(base, more)
  local all = {}
  for name, value in pairs(base) do all[name] = value end
  for name, value in pairs(more or {}) do all[name] = value end
  return all
end

describe("anmin by conjugate gradients", function()
  for _, preconditioner in ipairs { "kronecker", "block" } do
    for _, case in ipairs {
      { n = 300, d = 4, h = 6, c = 1, alpha = 0 },
      { n = 300, d = 4, h = 70, c = 1, alpha = 0 }, -- more than one word of firing bits
      { n = 2500, d = 3, h = 5, c = 4, alpha = 0.3 }, -- more rows than a step, B B' formed
      { n = 1, d = 3, h = 2, c = 1, alpha = 0 },
      { n = 5, d = 9, h = 3, c = 2, alpha = 0.1 },
    } do
      local name = ("%s, %d x %d, %d units, %d outputs, alpha %g"):format(
        preconditioner, case.n, case.d, case.h, case.c, case.alpha)
      it("solves the hidden layer as Cholesky does: " .. name, function()
        local X, Y = data(case.n, case.d, case.c, 3)
        local kind = {
          activation = case.alpha > 0 and "leaky_relu" or "relu", alpha = case.alpha,
        }
        local lambda = 1e-2
        local before = fresh(case.d, case.h, case.c, kind)
        lsqnet.anmin(before, X, Y, { iterations = 0, lambda = lambda })
        local one = { iterations = 1, lambda = lambda, keep = "last" }
        local a, b = fresh(case.d, case.h, case.c, kind), fresh(case.d, case.h, case.c, kind)
        lsqnet.anmin(a, X, Y, one)
        local report = lsqnet.anmin(b, X, Y, options(TIGHT, options(one, {
          preconditioner = preconditioner,
        })))
        -- a condition number of up to 1e5, times the tolerance
        assert.is_true(relative(b:weight(1), a:weight(1)) < 1e-6)
        assert.is_true(naive_residual(b, before, X, Y, lambda, case.alpha) < 1e-10)
        local entry = report.history[2]
        assert.is_true(entry.residual <= 1e-11)
        assert.is_true(entry.inner_iterations >= 1)
        assert.is_nil(entry.log_determinant)
        assert.is_nil(report.history[1].inner_iterations)
      end)
    end
  end

  for _, name in ipairs { "abalone", "bike_sharing", "horse_sdf", "concrete" } do
    it("agrees with Cholesky on " .. name, function()
      local X, Y = lsqnet.datasets[name]()
      if not X then return pending(Y) end
      X, Y = lsqnet.data.standardize(X), lsqnet.data.center(Y)
      X, Y = X:slice(1, math.min(1000, X.rows)), Y:slice(1, math.min(1000, X.rows))
      local one = { iterations = 1, keep = "last", lambda = 1e-3 / X.rows }
      local a, b = fresh(X.cols, 16, 1), fresh(X.cols, 16, 1)
      local exact = lsqnet.anmin(a, X, Y, one)
      local report = lsqnet.anmin(b, X, Y, options(TIGHT, one))
      assert.is_true(math.abs(report.loss / exact.loss - 1) < 1e-3)
      assert.is_true(report.history[2].residual < 1e-10)
    end)
  end

  it("makes one iteration at least and cg_iterations at most", function()
    local X, Y = data(200, 3, 1, 2)
    local function inner(more)
      local report = lsqnet.anmin(fresh(3, 8, 1), X, Y, options({ solver = "cg" }, more))
      local least, most = math.huge, 0
      for k = 2, #report.history do
        least = math.min(least, report.history[k].inner_iterations)
        most = math.max(most, report.history[k].inner_iterations)
      end
      return least, most
    end
    assert.are.same({ 1, 1 }, { inner { cg_tolerance = 1 } })
    assert.are.same({ 3, 3 }, { inner { cg_tolerance = 0, cg_iterations = 3 } })
  end)

  it("gives the same numbers for any number of threads", function()
    local X, Y = data(5000, 5, 2, 8)
    local function train(threads)
      lsqnet.set_threads(threads)
      local net = fresh(5, 12, 2)
      lsqnet.anmin(net, X, Y, { iterations = 3, solver = "cg" })
      return net:parameters()
    end
    local one, five = train(1), train(5)
    lsqnet.set_threads(2)
    assert.is_true(one:allclose(five, 1e-9, 1e-9)) -- a threaded BLAS may differ in the last bits
  end)

  it("copes with no ridge, dead units and a repeated column", function()
    local X, Y = data(100, 2, 1, 12)
    X = X:hcat(X:columns(1, 1))
    for _, preconditioner in ipairs { "kronecker", "block" } do
      local net = fresh(3, 6, 1)
      local biases = net:bias(1)
      biases:set(1, 1, -1e3)
      net:set_bias(1, biases)
      local report = lsqnet.anmin(net, X, Y, {
        solver = "cg", lambda = 0, preconditioner = preconditioner, cg_tolerance = 1e-8,
      })
      assert.are.equal("iterations", report.stopped)
      assert.is_true(report.loss <= report.history[1].loss)
    end
  end)

  it("is what 'auto' takes for wide data, and not for narrow ones", function()
    local function has_log_determinant(d, h)
      local X, Y = data(200, d, 1, 4)
      local report = lsqnet.anmin(fresh(d, h, 1), X, Y, { solver = "auto", iterations = 1 })
      return report.history[2].log_determinant ~= nil
    end
    assert.is_true(has_log_determinant(2, 3))
    assert.is_false(has_log_determinant(60, 20))
  end)

  it("refuses what it does not have", function()
    local X, Y = data(20, 2, 1, 1)
    refused("anmin forms the matrix whose condition is asked for with solver='cholesky'",
            fresh(2, 3, 1), X, Y, { solver = "cg", condition = true })
    refused("option 'solver': 'cholesky', 'cg' or 'auto' expected, got 'chol'",
            fresh(2, 3, 1), X, Y, { solver = "chol" })
    refused("option 'cg_tolerance': at least 0", fresh(2, 3, 1), X, Y, { cg_tolerance = -1 })
  end)
end)

describe("anmin with damped steps", function()
  for _, solver in ipairs { "cholesky", "cg" } do
    it("lets the objective fall in every iteration: " .. solver, function()
      local X, Y = data(300, 3, 1, 6)
      local net = fresh(3, 20, 1)
      local report = lsqnet.anmin(net, X, Y, { step = "damped", solver = solver, lambda = 1e-5 })
      assert.is_nil(report.history[1].step_length)
      local halved = false
      for k = 2, #report.history do
        local entry = report.history[k]
        assert.is_true(entry.objective < report.history[k - 1].objective)
        local halvings = math.log(1 / entry.step_length, 2)
        assert.are.equal(halvings // 1, halvings)
        halved = halved or halvings > 0
      end
      assert.is_true(halved)
      assert.is_true(math.abs(net:loss(X, Y) / report.loss - 1) < 1e-12)
    end)
  end

  it("stops where no step helps", function()
    local X = matrix.randn(40, 2, lsqnet.rng(1))
    local report = lsqnet.anmin(fresh(2, 3, 1), X, matrix(40, 1), { step = "damped", lambda = 1 })
    assert.are.equal("tolerance", report.stopped)
  end)
end)

describe("anmin with restarts", function()
  local X, Y = data(400, 3, 1, 13)

  local function train(more)
    local net = fresh(3, 8, 1)
    local report = assert(lsqnet.anmin(net, X, Y, options({
      restarts = 5, iterations = 3, lambda = 1e-2, seed = 2,
    }, more)))
    return net, report
  end

  for _, solver in ipairs { "cholesky", "cg" } do
    it("finds side by side what it finds one after the other: " .. solver, function()
      local a, report = train { solver = solver }
      local restarts = {}
      local b, expected = train { -- a callback hears of every iteration in turn
        solver = solver,
        on_iteration = function(event) restarts[event.restart] = true end,
      }
      assert.are.equal(5, #restarts)
      assert.are.equal(expected.restart, report.restart)
      assert.are.equal(#expected.history, #report.history)
      assert.are.equal("iterations", report.stopped)
      for k, entry in ipairs(expected.history) do
        assert.is_true(math.abs(report.history[k].loss / entry.loss - 1) < 1e-8)
      end
      assert.is_true(relative(a:parameters(), b:parameters()) < 1e-7)
      assert.is_true(math.abs(a:loss(X, Y) / report.loss - 1) < 1e-12)
    end)
  end

  it("does not depend on the number of threads", function()
    lsqnet.set_threads(1)
    local a, one = train()
    lsqnet.set_threads(3)
    local b, three = train()
    lsqnet.set_threads(2)
    assert.are.equal(one.restart, three.restart)
    assert.is_true(relative(a:parameters(), b:parameters()) < 1e-9)
  end)

  it("is never worse than the first start, and stops in time", function()
    local _, single = train { restarts = 1 }
    local _, best = train { restarts = 9 }
    local function lowest(report)
      local value = math.huge
      for _, entry in ipairs(report.history) do value = math.min(value, entry.objective) end
      return value
    end
    assert.is_true(lowest(best) <= lowest(single))
    local net, report = train { time_limit = 0 }
    assert.are.equal("time", report.stopped)
    assert.is_true(math.abs(net:loss(X, Y) / report.loss - 1) < 1e-12)
  end)

  it("runs over streams", function()
    local x, y = os.tmpname(), os.tmpname()
    assert(X:write_npy(x) and Y:write_npy(y))
    local stream = assert(lsqnet.stream(x, y))
    local a, b = fresh(3, 8, 1), fresh(3, 8, 1)
    local from_files = assert(lsqnet.anmin(a, stream, nil, { restarts = 3, iterations = 2 }))
    local from_memory = lsqnet.anmin(b, X, Y, { restarts = 3, iterations = 2, solver = "cg" })
    assert.are.equal(from_memory.restart, from_files.restart)
    os.remove(x)
    os.remove(y)
  end)
end)

describe("anmin with sparse connections", function()
  local X, Y, mask

  before_each(function()
    X, Y = data(200, 4, 2, 7)
    mask = matrix { { 1, 0, 1, 1, 0 }, { 0, 1, 1, 0, 0 }, { 1, 1, 0, 1, 0 }, { 0, 0, 1, 1, 1 } }
  end)

  it("solves for the weights that exist, as ridge regression would", function()
    local lambda = 1e-2
    local before = fresh(4, 5, 2)
    lsqnet.anmin(before, X, Y, { iterations = 0, lambda = lambda, connections = mask })
    assert.is_true(before:weight(1):mul(mask) == before:weight(1))
    local rows, targets = {}, {}
    local ones = matrix(200, 1, 1):hcat(X)
    local Z = ones * before:bias(1):vcat(before:weight(1))
    local B, b0 = before:weight(2), before:bias(2)
    for i = 1, 200 do
      for k = 1, 2 do
        local row = {}
        for j = 1, 5 do
          for p = 1, 5 do
            if p == 1 or mask:get(p - 1, j) == 1 then
              row[#row + 1] = Z:get(i, j) > 0 and B:get(j, k) * ones:get(i, p) or 0
            end
          end
        end
        rows[#rows + 1] = row
        targets[#targets + 1] = Y:get(i, k) - b0:get(1, k)
      end
    end
    local count = #rows[1]
    local design = matrix(rows):vcat(matrix.eye(count) * math.sqrt(lambda * 200))
    local solution = design:lstsq(matrix(targets):vcat(matrix(count, 1)))
    for _, solver in ipairs { "cholesky", "cg" } do
      local net = fresh(4, 5, 2)
      lsqnet.anmin(net, X, Y, options(TIGHT, {
        iterations = 1, lambda = lambda, connections = mask, keep = "last", solver = solver,
      }))
      local place = 0
      for j = 1, 5 do
        for p = 1, 5 do
          local value = p == 1 and net:bias(1):get(1, j) or net:weight(1):get(p - 1, j)
          local expected = 0
          if p == 1 or mask:get(p - 1, j) == 1 then
            place = place + 1
            expected = solution:get(place, 1)
          end
          assert.is_true(math.abs(value - expected) < 1e-8)
        end
      end
    end
  end)

  it("draws the inputs of each unit from the seed", function()
    local function train(seed)
      local net = fresh(4, 6, 2)
      lsqnet.anmin(net, X, Y, { inputs_per_neuron = 2, iterations = 3, seed = seed })
      return net:weight(1)
    end
    local weight = train(3)
    for j = 1, 6 do
      local seen = 0
      for p = 1, 4 do seen = seen + (weight:get(p, j) ~= 0 and 1 or 0) end
      assert.are.equal(2, seen)
    end
    assert.is_true(weight == train(3))
    assert.is_false(weight == train(4))
  end)

  it("floors the eigenvalues of the smaller system", function()
    local report = lsqnet.anmin(fresh(4, 5, 2), X, Y, {
      connections = mask, log_determinant_threshold = math.huge, iterations = 2, condition = true,
    })
    assert.are.equal(2, report.degenerate_systems)
    assert.is_true(report.history[2].condition >= 1)
  end)

  it("refuses what is no mask", function()
    local net = fresh(4, 5, 2)
    refused("option 'connections': a matrix expected, got number", net, X, Y, { connections = 1 })
    refused("option 'connections': a 4 x 5 matrix expected, got 5 x 4", net, X, Y,
            { connections = mask:t() })
    refused("option 'connections': 0 or 1 expected, got 2.0 in row 1, column 1", net, X, Y,
            { connections = mask * 2 })
    refused("anmin's inputs_per_neuron is beyond the net's 4 inputs", net, X, Y,
            { inputs_per_neuron = 5 })
    refused("anmin takes either connections or inputs_per_neuron, got both", net, X, Y,
            { connections = mask, inputs_per_neuron = 2 })
  end)
end)

describe("streams", function()
  local X, Y = data(2600, 3, 2, 9)

  local function stream_of(x, y)
    return assert(lsqnet.data.spool(lsqnet.data.batches(x, y, {
      shuffle = false, batch_size = 700,
    })))
  end

  it("hold what was spooled", function()
    local stream = stream_of(X, Y)
    assert.are.same({ 2600, 3, 2 }, { stream.rows, stream.inputs, stream.outputs })
    local x, y = stream:block(601, 800)
    assert.is_true(x == X:slice(601, 1400) and y == Y:slice(601, 1400))
    assert.are.equal(0, stream:block(2601, 0).rows)
    assert.has_error(function() stream:block(0, 1) end,
                     "bad argument #1 to 'block' (not a row of the stream)")
    assert.has_error(function() stream:block(2600, 2) end,
                     "bad argument #2 to 'block' (more rows than the stream has)")
    stream:close()
    assert.has_error(function() stream:block(1, 1) end,
                     "calling 'block' on bad self (the stream is closed)")
  end)

  it("train to the same bits as data in memory", function()
    for _, step in ipairs { "full", "damped" } do
      for _, how in ipairs { "cholesky", "kronecker", "block" } do
        local kind = { activation = "leaky_relu" }
        local a, b = fresh(3, 10, 2, kind), fresh(3, 10, 2, kind)
        local o = { iterations = 4, step = step }
        if how ~= "cholesky" then
          o.solver, o.preconditioner = "cg", how
        end
        local memory = lsqnet.anmin(a, X, Y, o)
        local report = assert(lsqnet.anmin(b, stream_of(X, Y), nil, o))
        assert.is_true(a:parameters() == b:parameters())
        assert.are.equal(memory.loss, report.loss)
      end
    end
  end)

  it("give the loss of a net that was never trained", function()
    local net = fresh(3, 10, 2)
    local report = assert(lsqnet.anmin(net, stream_of(X, Y), nil, { time_limit = 0 }))
    assert.is_true(math.abs(report.loss / net:loss(X, Y) - 1) < 1e-12)
  end)

  it("tell what is wrong with them", function()
    tmp.with(function(folder)
      local x, y, other = folder .. "/x.npy", folder .. "/y.npy", folder .. "/other.npy"
      assert(X:write_npy(x) and Y:write_npy(y))
      assert(Y:slice(1, 5):copy():write_npy(other))
      local function failure(a, b)
        return select(2, lsqnet.stream(a, b)), select(3, lsqnet.stream(a, b))
      end
      local message, code = failure(folder .. "/none.npy", y)
      assert.matches("^cannot read '.*/none.npy': No such file or directory$", message)
      assert.are.equal("no_file", code)
      message, code = failure(x, other)
      assert.matches("/x.npy has 2600 rows, .*/other.npy has 5$", message)
      assert.are.equal("bad_format", code)
      assert.matches("cannot read '.*': not a regular file", failure(folder, y))
      tmp.write(other, "text")
      assert.matches("other.npy: not a .npy file$", failure(x, other))
      local bytes = tmp.read(x)
      tmp.write(other, (bytes:gsub("'<f8'", "'>f8'", 1)))
      assert.matches("streamed files hold '<f8' row by row", failure(other, y))

      local stream = assert(lsqnet.stream(x, y))
      refused("nil expected behind a stream, which holds Y too", fresh(3, 4, 2), stream, Y, {})
      refused("a stream of 3 inputs and 1 outputs expected, got 3 and 2", fresh(3, 4, 1), stream)
      refused("anmin forms the matrix", fresh(3, 4, 2), stream, nil,
              { condition = true, solver = "cg" })
      local ok, wrong = pcall(lsqnet.linstorch, fresh(3, 4, 2), stream, nil, {})
      assert.is_false(ok)
      assert.matches("lsqnet.matrix expected, got lsqnet.stream", wrong)

      -- a file that shrinks during the training ends it, and not the host
      local result = { lsqnet.anmin(fresh(3, 4, 2), stream, nil, {
        on_iteration = function() tmp.write(x, bytes:sub(1, 5000)) end,
      }) }
      assert.is_nil(result[1])
      assert.are.equal("the file of X has become shorter while it was read", result[2])
      assert.are.equal("no_file", result[3])

      local bad = X:copy()
      bad:set(2000, 2, 0 / 0)
      local _, reason, word = lsqnet.anmin(fresh(3, 4, 2), stream_of(bad, Y), nil, {})
      assert.are.equal("the stream has a value that is not finite within rows 1025 to 2048", reason)
      assert.are.equal("non_finite", word)
    end)
  end)

  it("come from CSV files, with names or without", function()
    tmp.with(function(folder)
      local path, rows = folder .. "/a.csv", { "a,b,c" }
      for i = 1, 50 do rows[i + 1] = ("%d,%d,%d"):format(i, 2 * i, 3 * i) end
      tmp.write(path, table.concat(rows, "\n"))
      local stream = assert(lsqnet.data.spool(path, { columns = { "a", "c" }, targets = { "b" } }))
      local x, y = stream:block(1, 50)
      assert.are.same({ 50, 2, 1 }, { stream.rows, stream.inputs, stream.outputs })
      assert.are.same({ 7, 21, 14 }, { x:get(7, 1), x:get(7, 2), y:get(7, 1) })
      tmp.write(path, table.concat(rows, "\n", 2))
      stream = assert(lsqnet.data.spool(path, { columns = { 1 }, targets = { 2, 3 } }))
      assert.are.same({ 50, 1, 2 }, { stream.rows, stream.inputs, stream.outputs })
      tmp.write(path, "1,2\n3,x\n")
      local _, message, code = lsqnet.data.spool(path, { columns = { 1 }, targets = { 2 } })
      assert.are.equal(path .. ":2: column 2: 'x' is not a number", message)
      -- beyond the first chunk
      local many = { "a,b" }
      for i = 2, 250000 do many[i] = "1,2.5" end
      many[240001] = "1,oops"
      tmp.write(path, table.concat(many, "\n"))
      _, message = lsqnet.data.spool(path, { columns = { "a" }, targets = { "b" } })
      assert.are.equal(path .. ":240001: column 2 (b): 'oops' is not a number", message)
      assert.are.equal("bad_format", code)
      assert.are.equal("no_file", select(3, lsqnet.data.spool(folder .. "/none", {
        columns = { 1 }, targets = { 2 },
      })))
    end)
  end)

  it("are spooled into files that stay where they are named", function()
    tmp.with(function(folder)
      local x, y = folder .. "/x.npy", folder .. "/y.npy"
      assert(lsqnet.data.spool(lsqnet.data.batches(X, Y, { shuffle = false }), { x = x, y = y }))
      assert.is_true(matrix.read_npy(x) == X)
      assert.is_true(matrix.read_npy(y) == Y)
      assert.has_error(function() lsqnet.data.spool(1) end,
                       "bad argument #1 to 'spool' (a function or a path expected, got number)")
      assert.has_error(function() lsqnet.data.spool("x.csv") end,
                       "bad argument #2 to 'spool' (the options 'columns' and 'targets' say what "
                       .. "a CSV file holds)")
    end)
  end)
end)

describe("gram", function()
  local X, Y = data(900, 4, 2, 11)
  X = X + 1e3 -- large means must cost no digits

  local function of(first, last)
    return lsqnet.gram { inputs = 4, outputs = 2 }:add(X:slice(first, last), Y:slice(first, last))
  end

  it("adds up, whatever the parts and their order", function()
    local whole = of(1, 900)
    local parts = of(601, 900):merge(of(1, 50)):merge(of(51, 600))
    assert.are.equal(900, parts.rows)
    assert.is_true(relative(parts.scatter, whole.scatter) < 1e-12)
    assert.is_true(relative(parts.mean, whole.mean) < 1e-14)
    local same = of(1, 900):merge(lsqnet.gram { inputs = 4, outputs = 2 })
    assert.is_true(same.scatter == whole.scatter)
  end)

  it("is saved and loaded", function()
    tmp.with(function(folder)
      local path = folder .. "/g.npy"
      assert(of(1, 300):save(path))
      local merged = assert(lsqnet.gram.load(path)):merge(of(301, 900))
      assert.are.same({ 900, 4, 2 }, { merged.rows, merged.inputs, merged.outputs })
      assert.is_true(relative(merged.scatter, of(1, 900).scatter) < 1e-12)
      assert(X:write_npy(path))
      local _, message, code = lsqnet.gram.load(path)
      assert.are.equal(path .. ": not a saved lsqnet.gram", message)
      assert.are.equal("bad_format", code)
      assert.are.equal("no_file", select(3, lsqnet.gram.load(folder .. "/none")))
    end)
  end)

  it("gives linear regression and standardisation of a stream", function()
    local stream = assert(lsqnet.data.spool(lsqnet.data.batches(X, Y, {
      shuffle = false, batch_size = 400,
    })))
    local gram = assert(lsqnet.gram { inputs = 4, outputs = 2 }:add_stream(stream, 250))
    local net, report = gram:linear_regression()
    local expected, exact = lsqnet.linear_regression(X, Y)
    assert.is_true(relative(net:weight(1), expected:weight(1)) < 1e-9)
    assert.is_true(math.abs(report.loss / exact.loss - 1) < 1e-9)
    assert.are.equal(4, report.rank)
    local scaled = assert(lsqnet.data.spool(gram:standardized(stream, 256)))
    local x, y = scaled:block(1, 900)
    assert.is_true(x:allclose(lsqnet.data.standardize(X), 0, 1e-9))
    assert.is_true(y:allclose(lsqnet.data.center(Y), 0, 1e-12))
  end)

  it("gives constant columns scale 1", function()
    local mean, scale = lsqnet.gram { inputs = 1 }:add(matrix { 3, 3, 3 }):moments()
    assert.are.same({ 3, 1 }, { mean:get(1, 1), scale:get(1, 1) })
  end)

  it("refuses what does not fit", function()
    local gram = lsqnet.gram { inputs = 4, outputs = 2 }
    assert.has_error(function() lsqnet.gram {} end,
                     "bad argument #1 to 'gram' (the option 'inputs' expected)")
    assert.has_error(function() gram:add(Y, Y) end,
                     "bad argument #1 to 'add' (4 columns expected, got 2)")
    assert.has_error(function() gram:add(X, X) end,
                     "bad argument #2 to 'add' (2 columns expected, got 4)")
    assert.has_error(function() gram:add(X, Y:slice(1, 3)) end,
                     "bad argument #2 to 'add' (900 rows expected to match X, got 3)")
    assert.has_error(function() gram:merge(lsqnet.gram { inputs = 1 }) end,
                     "bad argument #1 to 'merge' (4 inputs and 2 outputs expected, got 1 and 0)")
    assert.has_error(function() gram:linear_regression() end,
                     "bad argument #1 to 'linear_regression' (a gram with outputs and rows "
                     .. "expected)")
  end)
end)

describe("year_like", function()
  it("has the noise that it says", function()
    local a, y = lsqnet.datasets.year_like(4000, { dimension = 5, noise = 0 })
    local b, noisy, names = lsqnet.datasets.year_like(4000, { dimension = 5, noise = 2 })
    assert.is_true(a == b)
    assert.are.same({ 5, "x5", "y" }, { #names, names[5], names.target })
    -- the standard error of a variance from 4000 normals is 2.2 %
    assert.is_true(math.abs((noisy - y):norm() ^ 2 / 4000 / 4 - 1) < 0.1)
    local short = lsqnet.datasets.year_like(10, { dimension = 5 })
    assert.is_true(short == a:slice(1, 10))
  end)
end)
