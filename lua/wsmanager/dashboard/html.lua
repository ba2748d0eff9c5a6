-- The dashboard's page, before its script has filled it in. It names no other host.

return [=[
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>wsmanager</title>
<link rel="stylesheet" href="dashboard.css">
<link rel="icon" href="icon.svg" type="image/svg+xml">
<script src="dashboard.js" defer></script>
</head>
<body>
<a class="skip" href="#table">To the table</a>
<header>
  <h1 id="title">wsmanager</h1>
  <p id="state" role="status">loading</p>
  <button id="pause" type="button" aria-pressed="false">Pause</button>
</header>
<main>
  <section aria-labelledby="figures-heading">
    <h2 id="figures-heading">Now</h2>
    <dl id="figures" class="figures"></dl>
  </section>
  <section aria-labelledby="charts-heading">
    <h2 id="charts-heading">The last ten minutes</h2>
    <div id="charts" class="charts"></div>
  </section>
  <section aria-labelledby="ends-heading" class="ends">
    <h2 id="ends-heading">How connections ended</h2>
    <div class="scroll">
    <table>
      <caption>Since the program began, by class of the close code</caption>
      <thead><tr><th scope="col">code</th><th scope="col" class="number">closed here</th>
        <th scope="col" class="number">by the peer</th></tr></thead>
      <tbody id="closed"></tbody>
    </table>
    <table>
      <caption>Attempts and handshakes that failed</caption>
      <thead><tr><th scope="col">why</th><th scope="col" class="number">count</th></tr></thead>
      <tbody id="failed"></tbody>
    </table>
    </div>
  </section>
  <section id="table" aria-labelledby="table-heading" tabindex="-1">
    <h2 id="table-heading">Connections</h2>
    <div class="tools">
      <div id="views" role="group" aria-label="What the table shows"></div>
      <label class="search">Search <input id="word" type="search" autocomplete="off"
        spellcheck="false" maxlength="100"></label>
    </div>
    <p id="note" class="note"></p>
    <div class="scroll" tabindex="0" role="region" aria-labelledby="table-heading">
      <table id="rows"><thead id="head"></thead><tbody id="body"></tbody></table>
    </div>
    <nav class="pages" aria-label="Pages of the table">
      <button id="before" type="button">Before</button>
      <span id="place"></span>
      <button id="behind" type="button">Next</button>
    </nav>
    <p id="done" role="status"></p>
  </section>
</main>
<noscript><p class="note">The page needs its script.</p></noscript>
</body>
</html>
]=]
