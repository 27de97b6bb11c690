(function () {
  var root = document.documentElement, box = document.querySelector(".filter input");
  if (!box) return;
  root.classList.add("js");
  var buttons = Array.prototype.slice.call(document.querySelectorAll(".filter button"));
  var outcome = "";
  function apply() {
    var word = box.value.trim().toLowerCase();
    document.querySelectorAll("#checks .check").forEach(function (check) {
      var some = false;
      check.querySelectorAll(".case").forEach(function (row) {
        var shown = (!outcome || row.dataset.outcome === outcome) &&
          (!word || row.dataset.text.indexOf(word) >= 0);
        row.hidden = !shown;
        some = some || shown;
      });
      check.hidden = !some;
      if (some && (word || outcome)) check.querySelector("details").open = true;
    });
  }
  box.addEventListener("input", apply);
  buttons.forEach(function (button) {
    button.addEventListener("click", function () {
      outcome = button.dataset.outcome;
      buttons.forEach(function (one) { one.setAttribute("aria-pressed", String(one === button)); });
      apply();
    });
  });
})();
