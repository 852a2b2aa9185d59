import streamlit as st

st.write("explain")
