// Says when a token was wrong, and keeps it out of the address bar and the browser's history.
const wrong = new URLSearchParams(location.search).has('token');
document.getElementById('wrong').hidden = !wrong;
if (wrong) history.replaceState(null, '', '/' + location.hash);
